import { type Browser, chromium, type Page } from 'playwright-core';

import { chromiumArguments, chromiumPath } from '../support/chromium.ts';

/** Somebody at a browser, who signs in to whatever opens it. */
export interface Person {
  readonly name: string;
  /** How often they were asked. */
  readonly visits: () => number;
  /** From the authorization URL over consent and login until the client has its answer. */
  signIn(authorizationUrl: string): Promise<void>;
  close(): Promise<void>;
}

export interface PersonsBrowser {
  /** With a profile of their own. */
  newPerson(name: string): Promise<Person>;
  close(): Promise<void>;
}

const maxPages = 12;
const pageLimitMs = 20_000;

export async function openPersonsBrowser(): Promise<PersonsBrowser> {
  const browser = await chromium.launch({
    executablePath: chromiumPath ?? '',
    headless: true,
    args: [...chromiumArguments],
  });
  return { newPerson: (name) => newPerson(browser, name), close: () => browser.close() };
}

async function newPerson(browser: Browser, name: string): Promise<Person> {
  const context = await browser.newContext();
  context.setDefaultTimeout(pageLimitMs);
  let visits = 0;
  return {
    name,
    visits: () => visits,
    async signIn(authorizationUrl) {
      visits += 1;
      const page = await context.newPage();
      const arrived = waitForClient(page, new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '');
      await Promise.race([arrived, walk(page, authorizationUrl, name)]);
      await page.close();
    },
    close: () => context.close(),
  };
}

/** Resolves when the client has been given its answer: it may close the page, or end, before that has loaded. */
async function waitForClient(page: Page, redirectUri: string): Promise<void> {
  const isAnswer = (url: string): boolean => url.startsWith(redirectUri);
  await new Promise<void>((resolve) => {
    page.on('response', (response) => void (isAnswer(response.url()) && resolve()));
    page.on('requestfailed', (request) => void (isAnswer(request.url()) && resolve()));
  });
}

/** From page to page, each of which is another one's. */
async function walk(page: Page, authorizationUrl: string, name: string): Promise<never> {
  await page.goto(authorizationUrl);
  for (let step = 0; step < maxPages; step += 1) {
    const moved = page.waitForEvent('framenavigated', (frame) => frame === page.mainFrame());
    await Promise.all([moved, answer(page, name)]);
  }
  throw new Error(`the browser did not get back to the client within ${maxPages} pages`);
}

/** Does what a person would do with the page they see. */
async function answer(page: Page, name: string): Promise<void> {
  const approve = page.getByRole('button', { name: 'Approve', includeHidden: true });
  const login = page.locator('input[name=login]');
  const next = page.locator('form button, form input[type=submit]').first();
  await next.waitFor().catch(async () => {
    throw new Error(`the browser is stuck at ${whereIs(page)}: ${await textOf(page)}`);
  });
  // Not there to be clicked from the first moment on: `click` waits for it.
  if ((await approve.count()) > 0) return approve.click();
  if ((await login.count()) > 0) {
    await login.fill(name);
    await page.locator('input[name=password]').fill('any');
  }
  await next.click();
}

function whereIs(page: Page): string {
  const { origin, pathname } = new URL(page.url());
  return origin + pathname;
}

async function textOf(page: Page): Promise<string> {
  return (await page.locator('body').innerText()).replace(/\s+/g, ' ').slice(0, 400);
}
