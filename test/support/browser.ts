/** What a browser needs of a gatehouse: somewhere to send requests. */
export interface BrowserTarget {
  readonly publicUrl: string;
  fetch(pathOrUrl: string, init?: RequestInit): Promise<Response>;
}

interface Sent {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** A cookie jar with Chromium's manners: one per person, so attacker and victim never share one by accident. */
export class Browser {
  readonly #target: BrowserTarget;
  readonly cookies = new Map<string, string>();

  constructor(target: BrowserTarget) {
    this.#target = target;
  }

  get(url: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(url, { method: 'GET', headers: { ...navigation('none'), ...headers } });
  }

  /** Submits a form as a page of the gatehouse itself would; name another origin to post from elsewhere. */
  post(
    url: string,
    form: Record<string, string> | URLSearchParams,
    headers: Record<string, string | undefined> = {},
  ): Promise<Response> {
    const sent: Record<string, string> = {
      ...navigation('same-origin'),
      Origin: this.#target.publicUrl,
      'Content-Type': 'application/x-www-form-urlencoded',
    };
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined) delete sent[name];
      else sent[name] = value;
    }
    return this.#send(url, { method: 'POST', headers: sent, body: new URLSearchParams(form).toString() });
  }

  /** Submits a form of another site in the top window: SameSite=Lax cookies stay behind, new ones are kept. */
  postFromElsewhere(url: string, form: Record<string, string> | URLSearchParams): Promise<Response> {
    const headers = {
      ...navigation('cross-site'),
      Origin: 'https://elsewhere.example',
      'Content-Type': 'application/x-www-form-urlencoded',
    };
    return this.#exchange(url, { method: 'POST', headers, body: new URLSearchParams(form).toString() });
  }

  cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #send(url: string, init: Sent): Promise<Response> {
    const cookie = this.cookieHeader();
    return this.#exchange(
      url,
      cookie === '' ? init : { ...init, headers: { ...init.headers, Cookie: cookie } },
    );
  }

  async #exchange(url: string, init: Sent): Promise<Response> {
    const response = await this.#target.fetch(url, { ...init, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#store(line);
    return response;
  }

  #store(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    const lower = attributes.map((attribute) => attribute.toLowerCase());
    if (name.startsWith('__Host-')) {
      const whole = lower.includes('secure') && lower.includes('path=/');
      if (!whole || lower.some((attribute) => attribute.startsWith('domain='))) return;
    }
    if (value === '' || lower.includes('max-age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function navigation(site: string): Record<string, string> {
  return {
    Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Sec-Fetch-Dest': 'document',
    'Sec-Fetch-Mode': 'navigate',
    'Sec-Fetch-Site': site,
  };
}
