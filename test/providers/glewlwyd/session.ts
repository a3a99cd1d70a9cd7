/** A browser's session at Glewlwyd, by the interface that its own login page uses. */
export class GlewlwydSession {
  readonly #origin: string;
  #cookie = '';

  constructor(origin: string) {
    this.#origin = origin;
  }

  async logIn(username: string, password: string): Promise<void> {
    await this.call('POST', '/auth/', { username, password });
  }

  async call(method: string, path: string, body?: object): Promise<void> {
    const response = await this.#send(`${this.#origin}/api${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
  }

  /** Goes where the gatehouse sent the browser, as somebody who is logged in; returns the query of the callback. */
  async authorize(url: URL): Promise<URLSearchParams> {
    const next = new URL(url);
    next.searchParams.set('g_continue', '');
    const response = await this.#send(next.href, { redirect: 'manual' });
    await response.body?.cancel();
    return new URL(response.headers.get('location') ?? '').searchParams;
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', this.#cookie);
    const response = await fetch(url, { ...init, headers });
    const [pair] = response.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
    this.#cookie = pair ?? this.#cookie;
    return response;
  }
}
