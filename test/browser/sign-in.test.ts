import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../../src/cli/demo/stack.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { chromiumPath, openChromium } from '../support/chromium.ts';
import { type LoopbackClient, startLoopbackClient } from '../support/loopback-client.ts';

const takePictures = process.env['UPDATE_SCREENSHOTS'] === '1';
/** Which views of the consent page are kept under docs/images. */
const pictures: Record<string, string> = { 'light 1280': 'consent', 'dark 320': 'consent-dark-320' };

describe.skipIf(chromiumPath === undefined)('signing in with a real Chromium', () => {
  let stack: Stack;
  let client: LoopbackClient;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack(
      { port: 0, preferFixedPorts: false, logLevel: 'error', env: {} },
      { clock: systemClock, random: systemRandom, onLog: () => undefined },
    );
    client = await startLoopbackClient(stack.gatehouseUrl, stack.mcpUrl);
  });
  afterAll(async () => {
    await client.close();
    await stack.close();
  });
  beforeEach(async () => {
    client.answers.length = 0;
    browser = await openChromium();
    context = browser.context;
    page = await context.newPage();
  });
  afterEach(async () => {
    await browser.close();
  });

  async function approve(tab: Page): Promise<void> {
    await tab.getByRole('button', { name: 'Approve' }).click();
    await tab.waitForURL(`${stack.identityProviderUrl}/**`);
  }

  async function logIn(tab: Page): Promise<void> {
    await tab.getByRole('button').first().click();
    await tab.waitForURL(`${client.redirectUri}**`);
  }

  it('goes from consent over the login page back to the client, with code, state and iss', async () => {
    await page.goto(client.authorizeUrl());
    await approve(page);
    await logIn(page);
    const [answer] = client.answers;
    expect(answer?.get('code')).toMatch(/^mgh_ac_/);
    expect(answer?.get('state')).toBe('client-state');
    expect(answer?.get('iss')).toBe(stack.gatehouseUrl);
    expect([...(answer?.keys() ?? [])].sort()).toEqual(['code', 'iss', 'state']);
  });

  it('tells the client when the person denies', async () => {
    await page.goto(client.authorizeUrl());
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.waitForURL(`${client.redirectUri}**`);
    const [answer] = client.answers;
    expect(answer?.get('error')).toBe('access_denied');
    expect(answer?.get('iss')).toBe(stack.gatehouseUrl);
    expect(answer?.get('code')).toBeNull();
  });

  it('denies when Enter is pressed without a choice', async () => {
    await page.goto(client.authorizeUrl());
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${client.redirectUri}**`);
    expect(client.answers[0]?.get('error')).toBe('access_denied');
  });

  it('lets the person go back from the login page and approve again', async () => {
    await page.goto(client.authorizeUrl());
    await approve(page);
    await page.goBack();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await approve(page);
    await logIn(page);
    expect(client.answers).toHaveLength(1);
    expect(client.answers[0]?.get('code')).toMatch(/^mgh_ac_/);
  });

  it('shows the page again when the same form is sent twice, and that page works', async () => {
    await page.goto(client.authorizeUrl());
    const form = await page.locator('input[name=consent_token]').inputValue();
    const cookies = await context.cookies();
    // Sent beside the browser, as by the first of two quick clicks whose answer never arrived.
    const first = await fetch(`${stack.gatehouseUrl}/consent`, {
      method: 'POST',
      body: new URLSearchParams({ consent_token: form, action: 'approve' }),
      headers: {
        Origin: stack.gatehouseUrl,
        Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      },
    });
    expect(first.status).toBe(200);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('was answered already').waitFor();
    await approve(page);
    await logIn(page);
    expect(client.answers).toHaveLength(1);
  });

  it('carries two flows in one browser to their ends', async () => {
    const other = await context.newPage();
    await page.goto(client.authorizeUrl({ state: 'one' }));
    await other.goto(client.authorizeUrl({ state: 'two' }));
    await approve(page);
    await approve(other);
    await logIn(other);
    await logIn(page);
    expect(client.answers.map((answer) => answer.get('state'))).toEqual(['two', 'one']);
    expect(client.answers.every((answer) => answer.has('code'))).toBe(true);
  });

  it('carries two tabs that are opened at once, in a browser new to us, to their ends', async () => {
    const other = await context.newPage();
    // Both requests are out before either is answered, so neither carries a cookie.
    const asked: Request[] = [];
    const bothAsked = new Promise<void>((resolve) => {
      context.on('request', (request) => {
        if (request.url().startsWith(`${stack.gatehouseUrl}/authorize`)) asked.push(request);
        if (asked.length === 2) resolve();
      });
    });
    await context.route(`${stack.gatehouseUrl}/authorize**`, async (route) => {
      await bothAsked;
      await route.continue();
    });
    await Promise.all([
      page.goto(client.authorizeUrl({ state: 'one' })),
      other.goto(client.authorizeUrl({ state: 'two' })),
    ]);
    const headers = await Promise.all(asked.map((request) => request.allHeaders()));
    expect(headers.map(({ cookie }) => cookie)).toEqual([undefined, undefined]);
    for (const tab of [page, other]) {
      await approve(tab);
      await logIn(tab);
    }
    expect(client.answers.map((answer) => answer.get('state'))).toEqual(['one', 'two']);
    expect(client.answers.every((answer) => answer.has('code'))).toBe(true);
  });

  it('keeps an open page when another site posts a form to us, and answers that one too', async () => {
    await page.goto(client.authorizeUrl({ state: 'one' }));
    const other = await context.newPage();
    const { searchParams } = new URL(client.authorizeUrl({ state: 'two' }));
    const fields = [...searchParams]
      .map(([name, value]) => `<input name="${name}" value="${value}">`)
      .join('');
    await other.goto(client.redirectUri.replace('127.0.0.1', 'localhost'));
    await other.setContent(
      `<form method="post" action="${stack.gatehouseUrl}/authorize">${fields}<button>Go</button></form>`,
    );
    client.answers.length = 0;
    const [request] = await Promise.all([
      other.waitForRequest(`${stack.gatehouseUrl}/authorize`),
      other.getByRole('button', { name: 'Go' }).click(),
    ]);
    const headers = await request.allHeaders();
    expect([headers['sec-fetch-site'], headers['cookie']]).toEqual(['cross-site', undefined]);
    for (const tab of [page, other]) {
      await approve(tab);
      await logIn(tab);
    }
    expect(client.answers.map((answer) => answer.get('state'))).toEqual(['one', 'two']);
  });

  it('refuses the login of a flow that another browser approved, on a page of its own', async () => {
    await page.goto(client.authorizeUrl());
    await approve(page);
    const loginUrl = page.url();
    const victim = await openChromium();
    try {
      const tab = await victim.context.newPage();
      await tab.goto(loginUrl);
      await tab.getByRole('button').first().click();
      await tab.waitForURL(`${stack.gatehouseUrl}/callback**`);
      expect(await tab.getByRole('heading', { level: 1 }).textContent()).not.toBe('');
    } finally {
      await victim.close();
    }
    expect(client.answers).toHaveLength(0);
  });

  it('40: leaves a fragment of the authorization URL behind', async () => {
    await page.goto(`${client.authorizeUrl()}#access_token=planted`);
    await approve(page);
    await logIn(page);
    expect(new URL(page.url()).hash).toBe('');
    await page.goto(`${client.authorizeUrl({ response_type: 'token' })}#access_token=planted`);
    await page.waitForURL(`${client.redirectUri}**`);
    expect(new URL(page.url()).hash).toBe('');
    expect(client.answers[1]?.get('error')).toBe('unsupported_response_type');
  });

  it('16: cannot be framed', async () => {
    const attacker = await context.newPage();
    await attacker.goto(client.redirectUri);
    await attacker.setContent(`<iframe id="f" src="${client.authorizeUrl()}"></iframe>`);
    await attacker.waitForTimeout(300);
    const frame = attacker.frames().find((candidate) => candidate !== attacker.mainFrame());
    expect(
      await frame
        ?.locator('button')
        .count()
        .catch(() => 0),
    ).toBe(0);
  });

  it('has no finding of axe on the consent page, and none that matters at 320 px or in the dark', async () => {
    await page.goto(client.authorizeUrl());
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 320]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map((violation) => violation.id)).toEqual([]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
        const picture = pictures[`${colorScheme} ${width}`];
        if (takePictures && picture !== undefined) await takePicture(page, picture);
      }
    }
  });

  it('explains an error on a readable page', async () => {
    await page.goto(`${stack.gatehouseUrl}/authorize?client_id=unknown`);
    await page.setViewportSize({ width: 320, height: 700 });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((violation) => violation.id)).toEqual([]);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
  });
});

/** By how many pixels the page is wider than its window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

async function takePicture(page: Page, name: string): Promise<void> {
  const path = new URL(`../../docs/images/${name}.png`, import.meta.url).pathname;
  await page.screenshot({ path, fullPage: true });
}
