import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { chromiumPath, openChromium } from '../support/chromium.ts';
import { authorizeUrl, createPkce, redeem, registerClient, type TestClient } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { Browser } from '../support/browser.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const pictureFolder = process.env['GATEHOUSE_PICTURES'];

describe.skipIf(chromiumPath === undefined)('choosing permissions with a real Chromium', () => {
  let house: TestGatehouse;
  let client: TestClient;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  const { verifier, challenge } = createPkce();

  beforeAll(async () => {
    const port = await freePort();
    house = await createTestGatehouse({
      env: { PROXY_BASE_URL: `http://127.0.0.1:${port}`, LISTEN_ADDR: `127.0.0.1:${port}` },
      file: JSON.stringify({
        mounts: [
          {
            name: 'files',
            url: '/mcp',
            title: 'The files of the house',
            upstream: 'http://127.0.0.1:9/mcp',
            scopes: {
              'files:use': { description: 'See which files there are', required: true },
              'files:read': { description: 'Read your files', default: true, includes: ['files:use'] },
              'files:write': { description: 'Change and delete your files', includes: ['files:read'] },
              'https://gatehouse.example/scopes/a-name-that-is-longer-than-any-telephone-is-wide': {},
            },
          },
        ],
      }),
    });
    await house.listen();
    client = await registerClient(house, { redirect_uris: [`${house.publicUrl}/nobody`] });
  });
  afterAll(() => house.close());
  beforeEach(async () => {
    browser = await openChromium();
    page = await browser.context.newPage();
    // The identity provider: one button, and back.
    await page.route('https://login.test/**', (route) => {
      const { searchParams } = new URL(route.request().url());
      const query = new URLSearchParams({ code: 'idp-code', state: searchParams.get('state') ?? '' });
      return route.fulfill({
        contentType: 'text/html',
        body: `<a href="${house.publicUrl}/callback?${query.toString().replace('&', '&amp;')}">Log in</a>`,
      });
    });
    await page.goto(
      authorizeUrl(house, client, {
        code_challenge: challenge,
        scope:
          'files:use files:read files:write https://gatehouse.example/scopes/a-name-that-is-longer-than-any-telephone-is-wide',
      }),
    );
  });
  afterEach(() => browser.close());

  async function goOn(): Promise<string> {
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Log in').click();
    await page.waitForURL(`${client.redirectUri}**`);
    const code = new URL(page.url()).searchParams.get('code') ?? '';
    const signedIn = {
      client,
      code,
      verifier,
      redirectUri: client.redirectUri,
      browser: new Browser(house),
    };
    const { scope } = (await (await redeem(house, signedIn)).json()) as { scope: string };
    return scope;
  }

  it('grants what stays ticked, by keyboard and by pointer', async () => {
    await page.getByRole('checkbox', { name: 'a-name-that-is-longer' }).focus();
    await page.keyboard.press('Space');
    await page.getByText('Change and delete your files').click();

    expect(await goOn()).toBe('files:use files:read');
  });

  it('lets nobody take away what every call needs', async () => {
    expect(await page.getByRole('checkbox', { name: 'See which files there are' }).isDisabled()).toBe(true);
    for (const box of await page.getByRole('checkbox').all()) if (await box.isEnabled()) await box.uncheck();

    expect(await goOn()).toBe('files:use');
  });

  it('has no finding of axe, and fits, on a telephone and in the dark as well', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 320]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id }) => id)).toEqual([]);
        expect(
          await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
        ).toBeLessThanOrEqual(0);
        if (pictureFolder !== undefined)
          await page.screenshot({ path: `${pictureFolder}/${colorScheme}-${width}.png`, fullPage: true });
      }
    }
  });
});
