import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { chromiumPath, openChromium } from '../support/chromium.ts';
import { authorizeUrl, createPkce, registerClient, type TestClient } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const pictureFolder = process.env['GATEHOUSE_PICTURES'];

describe.skipIf(chromiumPath === undefined)('somebody who may not enter, with a real Chromium', () => {
  let house: TestGatehouse;
  let client: TestClient;

  beforeAll(async () => {
    const port = await freePort();
    house = await createTestGatehouse({
      env: { PROXY_BASE_URL: `http://127.0.0.1:${port}`, LISTEN_ADDR: `127.0.0.1:${port}` },
      file: JSON.stringify({
        entry: {
          domains: { deny: ['example.com'] },
          contact: 'the team that looks after the files, room 12',
        },
        mounts: [
          { name: 'files', url: '/mcp', title: 'The files of the house', upstream: 'http://127.0.0.1:9/mcp' },
        ],
      }),
    });
    await house.listen();
    client = await registerClient(house, { redirect_uris: [`${house.publicUrl}/nobody`] });
  });
  afterAll(() => house.close());

  it.each([
    ['light', 1280],
    ['light', 320],
    ['dark', 320],
  ] as const)(
    'is told so on a page that anybody can read, and goes back: %s %i',
    async (colorScheme, width) => {
      const browser = await openChromium();
      try {
        const page = await browser.context.newPage();
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.route('https://login.test/**', (route) => {
          const { searchParams } = new URL(route.request().url());
          const query = new URLSearchParams({ code: 'idp-code', state: searchParams.get('state') ?? '' });
          return route.fulfill({
            contentType: 'text/html',
            body: `<a href="${house.publicUrl}/callback?${query.toString().replace('&', '&amp;')}">Log in</a>`,
          });
        });
        await page.goto(authorizeUrl(house, client, { code_challenge: createPkce().challenge }));
        await page.getByRole('button', { name: 'Approve' }).click();
        await page.getByText('Log in').click();
        await page.getByText('You are signed in as alice@example.com').waitFor();
        await page.getByText('the team that looks after the files, room 12').waitFor();
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id }) => id)).toEqual([]);
        const overflow = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(overflow).toBe(0);
        if (pictureFolder !== undefined) {
          await page.screenshot({
            path: `${pictureFolder}/entry-${colorScheme}-${width}.png`,
            fullPage: true,
          });
        }
        await page.getByRole('link', { name: 'Return to' }).click();
        await page.waitForURL(`${client.redirectUri}**`);
        const { searchParams } = new URL(page.url());
        expect([searchParams.get('error'), searchParams.get('state'), searchParams.get('code')]).toEqual([
          'access_denied',
          'client-state',
          null,
        ]);
      } finally {
        await browser.close();
      }
    },
  );
});
