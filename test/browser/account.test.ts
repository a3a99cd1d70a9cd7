import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { chromiumPath, openChromium } from '../support/chromium.ts';
import { refresh, registerClient, signIn, type Tokens } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

describe.skipIf(chromiumPath === undefined)('the account page with a real Chromium', () => {
  let gatehouse: TestGatehouse;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  let desk: Tokens;
  let claude: Tokens;

  beforeAll(async () => {
    const port = await freePort();
    const env = { PROXY_BASE_URL: `http://127.0.0.1:${port}`, LISTEN_ADDR: `127.0.0.1:${port}` };
    gatehouse = await createTestGatehouse({ env });
    await gatehouse.listen();
  });
  afterAll(() => gatehouse.close());
  beforeEach(async () => {
    desk = await allow('Weather Desk');
    claude = await allow('Сlaude of the long name that goes on and on');
    browser = await openChromium();
    page = await browser.context.newPage();
    // The identity provider: one button, and back.
    await page.route('https://login.test/**', (route) => {
      const { searchParams } = new URL(route.request().url());
      const query = new URLSearchParams({ code: 'idp-code', state: searchParams.get('state') ?? '' });
      const back = `${gatehouse.publicUrl}/callback?${query.toString()}`;
      return route.fulfill({
        contentType: 'text/html',
        body: `<a href="${back.replace('&', '&amp;')}">Log in</a>`,
      });
    });
  });
  afterEach(async () => {
    await browser.close();
    // What is left is ended, so that each test finds its own two.
    gatehouse.clock.advance(40 * 86_400);
  });

  async function allow(name: string): Promise<Tokens> {
    return signIn(gatehouse, { client: await registerClient(gatehouse, { client_name: name }) });
  }

  async function logIn(): Promise<void> {
    await page.goto(`${gatehouse.publicUrl}/account`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'What you allowed' }).waitFor();
  }

  async function refreshStatus({ client, refreshToken }: Tokens): Promise<number> {
    return (await refresh(gatehouse, client.clientId, refreshToken)).status;
  }

  async function expectAccessible(): Promise<void> {
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 320],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((violation) => violation.id)).toEqual([]);
      const wider = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(wider).toBeLessThanOrEqual(0);
    }
  }

  it('signs in, ends one of two, and says which', async () => {
    await logIn();
    await page
      .getByRole('listitem')
      .filter({ hasText: 'Weather Desk' })
      .getByRole('button', { name: 'End access' })
      .click();
    expect(await page.getByRole('status').textContent()).toContain('Ended: Weather Desk has no access');
    expect(await page.getByRole('button', { name: 'End access' }).count()).toBe(1);
    expect(await refreshStatus(desk)).toBe(400);
    expect(await refreshStatus(claude)).toBe(200);
  });

  it('names each button by the application whose access it ends, for who cannot see the page', async () => {
    await logIn();
    const button = page.getByRole('button', { name: 'End access' }).first();
    const described = await button.getAttribute('aria-describedby');
    expect(await page.locator(`#${described ?? ''}`).textContent()).toContain('long name');
  });

  it('ends everything by keyboard alone, and is signed out', async () => {
    await logIn();
    await page.getByRole('button', { name: 'End all access' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'See what you allowed' }).waitFor();
    expect(await page.getByRole('status').textContent()).toContain('All access that you allowed has ended');
    expect([await refreshStatus(desk), await refreshStatus(claude)]).toEqual([400, 400]);
    expect(await browser.context.cookies()).toEqual([]);
  });

  it('has no finding of axe where people sign in, none at 320 px, none in the dark', async () => {
    await page.goto(`${gatehouse.publicUrl}/account`);
    await expectAccessible();
  });

  it('has none where it shows what was allowed', async () => {
    await logIn();
    await expectAccessible();
  });

  it('has none where it says that something ended, or that nothing did', async () => {
    await logIn();
    const button = page.getByRole('button', { name: 'End access' });
    await button.first().click();
    await page.getByRole('status').waitFor();
    await expectAccessible();
    await page.goto(`${gatehouse.publicUrl}/callback?state=x&code=y`);
    await page.getByRole('heading').first().waitFor();
    await expectAccessible();
  });
});
