import { Browser, type BrowserTarget } from './browser.ts';
import { readForm, readInterstitial } from './flow.ts';

export interface SignInOptions {
  readonly browser?: Browser;
  /** The identity provider that is chosen. Default: there is one alone. */
  readonly at?: string;
  /** Logs in where the browser is sent, and returns the query of the callback. Default: as the fake provider does. */
  readonly logIn?: (url: URL) => Promise<URLSearchParams>;
}

/** Presses the button that signs in; where the browser is sent. */
export async function beginAccountLogin(browser: Browser, at?: string): Promise<URL> {
  const action = at === undefined ? 'sign-in' : `sign-in:${at}`;
  const page = await browser.post('/account', { action });
  if (page.status !== 200) throw new Error(`sign-in answered ${page.status}: ${await page.text()}`);
  return new URL(readInterstitial(await page.text()));
}

/** The callback of a login at the fake identity provider. */
export function callbackOf(login: URL): string {
  const state = login.searchParams.get('state') ?? '';
  return `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`;
}

/** The account page of somebody who is signed in. */
export class AccountVisit {
  readonly browser: Browser;
  html = '';

  constructor(browser: Browser) {
    this.browser = browser;
  }

  async look(): Promise<Response> {
    return this.#read(await this.browser.get('/account'));
  }

  /** Presses a button; `form` over the fields of the page. */
  async press(action: string, form: Record<string, string> = {}): Promise<Response> {
    const fields = { form_token: this.formToken, action, ...form };
    return this.#read(await this.browser.post('/account', fields));
  }

  get formToken(): string {
    return readForm(this.html)['form_token'] ?? '';
  }

  /** Ids of the grants that are shown, in their order. */
  get grantIds(): readonly string[] {
    return [...this.html.matchAll(/value="end:([^"]+)"/g)].map(([, grantId]) => grantId as string);
  }

  async #read(response: Response): Promise<Response> {
    this.html = await response.clone().text();
    return response;
  }
}

/** Signs in on the account page, and looks at it. */
export async function visitAccount(
  target: BrowserTarget,
  options: SignInOptions = {},
): Promise<AccountVisit> {
  const browser = options.browser ?? new Browser(target);
  const login = await beginAccountLogin(browser, options.at);
  const query = await options.logIn?.(login);
  const path = new URL(login.searchParams.get('redirect_uri') ?? '/callback', target.publicUrl).pathname;
  const callback = await browser.get(query === undefined ? callbackOf(login) : `${path}?${query.toString()}`);
  const location = callback.headers.get('location');
  if (location === null) throw new Error(`callback answered ${callback.status}: ${await callback.text()}`);
  const visit = new AccountVisit(browser);
  await visit.look();
  return visit;
}
