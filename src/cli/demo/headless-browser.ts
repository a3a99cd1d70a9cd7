import { request } from 'undici';

/** What came back of one navigation. Redirects are not followed: each is a step of its own. */
export interface VisitedPage {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Where the page leads by itself: `Location`, or a meta refresh. */
  readonly onward: URL | undefined;
}

const timeoutMs = 10_000;

/** As much of a browser as a sign-in needs: cookies, forms, and the headers Chromium sends with a navigation. */
export class HeadlessBrowser {
  /** By host name and cookie name: cookies do not know ports. */
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Goes to an address, as a link or redirect of `from` would; without it, as if it were typed. */
  visit(url: URL, from?: URL): Promise<VisitedPage> {
    return this.#navigate('GET', url, from);
  }

  /**
   * Presses a button of the page: submits the form that has it, hidden fields included.
   * @throws Error when the page has no such button
   */
  async press(page: VisitedPage, name: string, value: string): Promise<VisitedPage> {
    const form = findForms(page).find(({ buttons }) =>
      buttons.some((b) => b.name === name && b.value === value),
    );
    if (form === undefined) throw new Error(`the page has no button ${name}=${value}`);
    const fields = new URLSearchParams();
    for (const field of [...form.fields, { name, value }]) fields.append(field.name, field.value);
    return this.#navigate('POST', new URL(form.action, page.url), page.url, fields.toString());
  }

  async #navigate(
    method: 'GET' | 'POST',
    url: URL,
    from: URL | undefined,
    body?: string,
  ): Promise<VisitedPage> {
    const cookie = [...this.#jar(url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await request(url, {
      method,
      headers: {
        accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
        'sec-fetch-dest': 'document',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': siteOf(url, from),
        ...(cookie !== '' && { cookie }),
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(body !== undefined && from !== undefined && { origin: from.origin }),
      },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.body.text();
    for (const line of [response.headers['set-cookie'] ?? []].flat()) this.#keep(url, line);
    const onward = findOnward(url, response.headers['location'], text);
    return { url, status: response.statusCode, headers: response.headers, text, onward };
  }

  #jar(url: URL): Map<string, string> {
    const jar = this.#cookies.get(url.hostname) ?? new Map<string, string>();
    this.#cookies.set(url.hostname, jar);
    return jar;
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals);
    if (attributes.some((attribute) => /^max-age=(0|-\d+)$/i.test(attribute))) this.#jar(url).delete(name);
    else this.#jar(url).set(name, pair.slice(equals + 1));
  }
}

interface Field {
  readonly name: string;
  readonly value: string;
}

interface Form {
  readonly action: string;
  readonly fields: readonly Field[];
  readonly buttons: readonly Field[];
}

/** Reads our own plain pages, which is all it has to do. */
function findForms({ text }: VisitedPage): Form[] {
  return [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(
    ([, attributes = '', content = '']) => ({
      action: attributeOf(attributes, 'action') ?? '',
      fields: fieldsOf(content, 'input'),
      buttons: fieldsOf(content, 'button'),
    }),
  );
}

function fieldsOf(content: string, tag: string): Field[] {
  const tags = [...content.matchAll(new RegExp(`<${tag}\\b([^>]*)>`, 'gi'))];
  return tags.flatMap(([, attributes = '']) => {
    const name = attributeOf(attributes, 'name');
    return name === undefined ? [] : [{ name, value: attributeOf(attributes, 'value') ?? '' }];
  });
}

function attributeOf(attributes: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 'i').exec(attributes)?.[1];
  return value === undefined ? undefined : unescapeHtml(value);
}

function findOnward(url: URL, location: string | string[] | undefined, text: string): URL | undefined {
  if (typeof location === 'string') return new URL(location, url);
  const refresh = /<meta\b[^>]*http-equiv="refresh"[^>]*>/i.exec(text)?.[0];
  const target =
    refresh === undefined ? undefined : /;\s*url=(.*)$/i.exec(attributeOf(refresh, 'content') ?? '')?.[1];
  return target === undefined ? undefined : new URL(target, url);
}

/** One pass, so that nothing is unescaped twice. */
function unescapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (typeof decimal === 'string') return String.fromCodePoint(Number(decimal));
    if (typeof hex === 'string') return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[String(name).toLowerCase()] ?? whole;
  });
}

function siteOf(url: URL, from: URL | undefined): string {
  if (from === undefined) return 'none';
  if (from.origin === url.origin) return 'same-origin';
  return from.hostname === url.hostname ? 'same-site' : 'cross-site';
}
