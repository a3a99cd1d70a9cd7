/**
 * A person's browser without a window, over real sockets and several origins: it follows redirects, keeps cookies,
 * reads the forms of the pages it lands on, fills in a name and a password, and presses the button that goes on.
 */
export interface LoopbackBrowserOptions {
  /** What the person types where a page asks for a name. */
  readonly login: string;
  /** And where it asks for a password. Default: the same. */
  readonly password?: string;
  /** For origins whose authority nobody else knows. Default: the fetch that Node has. */
  readonly fetch?: (url: URL, init: RequestInit) => Promise<Response>;
}

interface Page {
  readonly url: URL;
  readonly response: Response;
  readonly html: string;
}

const maxSteps = 30;

export class LoopbackBrowser {
  readonly #login: string;
  readonly #password: string;
  readonly #fetch: NonNullable<LoopbackBrowserOptions['fetch']>;
  readonly #cookies = new Map<string, StoredCookie>();

  constructor({ login, password = login, fetch: load = fetch }: LoopbackBrowserOptions) {
    this.#login = login;
    this.#password = password;
    this.#fetch = load;
  }

  /**
   * Goes where an authorization request leads, until a page or redirect wants to go to the client; returns that
   * address without visiting it.
   */
  async signIn(authorizationUrl: string, clientRedirectUri: string): Promise<URL> {
    let next: Step = { url: new URL(authorizationUrl), site: 'none' };
    for (let step = 0; step < maxSteps; step += 1) {
      const page = await this.#load(next);
      next = this.#decide(page);
      if (next.url.href.startsWith(clientRedirectUri)) return next.url;
    }
    throw new Error(`no end after ${maxSteps} pages, last at ${next.url.origin}${next.url.pathname}`);
  }

  async #load(step: Step): Promise<Page> {
    const { url, form } = step;
    const headers: Record<string, string> = {
      Accept: 'text/html,application/xhtml+xml',
      'Sec-Fetch-Dest': 'document',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Site': step.site,
    };
    const cookie = this.#cookieHeader(url);
    if (cookie !== '') headers['Cookie'] = cookie;
    if (form !== undefined) headers['Origin'] = step.origin ?? url.origin;
    const body = form === undefined ? {} : { body: form };
    const method = form === undefined ? 'GET' : 'POST';
    const response = await this.#fetch(url, { method, headers, redirect: 'manual', ...body });
    for (const line of response.headers.getSetCookie()) this.#keep(url, line);
    return { url, response, html: await response.text() };
  }

  /** A redirect is followed, a refresh obeyed, a form filled in; anything else is where the journey ends badly. */
  #decide({ url, response, html }: Page): Step {
    const location = response.headers.get('location');
    if (location !== null) return goTo(url, location);
    const refresh = /<meta[^>]*http-equiv="refresh"[^>]*content="\d+;\s*url=([^"]*)"/i.exec(html)?.[1];
    if (refresh !== undefined) return goTo(url, unescapeHtml(refresh));
    const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(html);
    if (form === null || !response.ok)
      throw new Error(`${url.pathname} answered ${response.status}: ${textOf(html)}`);
    const target = new URL(unescapeHtml(attribute(form[1] ?? '', 'action') ?? url.href), url);
    const fields = this.#fill(form[2] ?? '');
    for (const name of listTicked(html)) fields.append('scope', name);
    return { url: target, form: fields, origin: url.origin, site: siteOf(url, target) };
  }

  #fill(formHtml: string): URLSearchParams {
    const fields = new URLSearchParams();
    for (const [tag] of formHtml.matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(tag, 'name');
      const type = attribute(tag, 'type') ?? 'text';
      if (name === undefined || ['checkbox', 'radio', 'submit'].includes(type)) continue;
      const typed = type === 'hidden' ? undefined : type === 'password' ? this.#password : this.#login;
      fields.set(name, typed ?? unescapeHtml(attribute(tag, 'value') ?? ''));
    }
    const buttons = [...formHtml.matchAll(/<button\b[^>]*>/gi)].map(([tag]) => tag);
    const button = buttons.find((tag) => attribute(tag, 'value') === 'approve') ?? buttons[0] ?? '';
    const name = attribute(button, 'name');
    if (name !== undefined) fields.set(name, attribute(button, 'value') ?? '');
    return fields;
  }

  #cookieHeader(url: URL): string {
    return [...this.#cookies.values()]
      .filter(({ host, path }) => host === url.hostname && isBelow(url.pathname, path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
    const key = `${url.hostname} ${path} ${name}`;
    if (value === '' || attributes.some((part) => /^max-age=0$/i.test(part))) this.#cookies.delete(key);
    else this.#cookies.set(key, { host: url.hostname, path, name, value });
  }
}

/** What is ticked on a consent page, and stays so. */
function listTicked(html: string): string[] {
  return [...html.matchAll(/<input\b[^>]*\bname="scope"[^>]*>/gi)]
    .map(([tag]) => tag)
    .filter((tag) => /\bchecked\b/.test(tag) && !/\bdisabled\b/.test(tag))
    .map((tag) => unescapeHtml(attribute(tag, 'value') ?? ''));
}

interface StoredCookie {
  readonly host: string;
  readonly path: string;
  readonly name: string;
  readonly value: string;
}

interface Step {
  readonly url: URL;
  readonly site: Site;
  readonly form?: URLSearchParams;
  readonly origin?: string;
}

type Site = 'none' | 'same-origin' | 'same-site' | 'cross-site';

function goTo(from: URL, target: string): Step {
  const url = new URL(target, from);
  return { url, site: siteOf(from, url) };
}

function siteOf(from: URL, to: URL): Site {
  if (from.origin === to.origin) return 'same-origin';
  // A site has no port.
  return from.hostname === to.hostname && from.protocol === to.protocol ? 'same-site' : 'cross-site';
}

/** @see RFC 6265 §5.1.4 */
function isBelow(pathname: string, cookiePath: string): boolean {
  if (pathname === cookiePath) return true;
  return pathname.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`);
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag)?.[1];
}

function textOf(html: string): string {
  return html
    .replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 300);
}

function unescapeHtml(text: string): string {
  const entities: Record<string, string> = { quot: '"', '#39': "'", '#x27': "'", lt: '<', gt: '>', amp: '&' };
  return text.replace(/&([a-z0-9#]+);/gi, (whole, name: string) => entities[name.toLowerCase()] ?? whole);
}
