import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { chromiumPath, openChromium } from '../support/chromium.ts';
import { authorizeUrl, createPkce, registerClient, type TestClient } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { type HouseOfTwo, openHouseOfTwo } from '../support/house-of-two.ts';

const pictureFolder = process.env['GATEHOUSE_PICTURES'];

const pages = [
  ['consent page', 'true'],
  ['page that asks nothing else', 'false'],
] as const;

describe.skipIf(chromiumPath === undefined).each(pages)(
  'choosing where to log in with a real Chromium: the %s',
  (_, rendersConsent) => {
    let house: HouseOfTwo;
    let client: TestClient;
    let browser: Awaited<ReturnType<typeof openChromium>>;
    let page: Page;

    beforeAll(async () => {
      const port = await freePort();
      house = await openHouseOfTwo({
        env: {
          PROXY_BASE_URL: `http://127.0.0.1:${port}`,
          LISTEN_ADDR: `127.0.0.1:${port}`,
          RENDER_CONSENT_PAGE: rendersConsent,
        },
        entries: {
          other: {
            name: 'other',
            title: 'Partners-whose-name-is-longer-than-any-telephone-is-wide-999',
            issuer_url: 'https://login.a-host-with-a-name-that-is-longer-than-most.example.test',
            client_id: 'x',
            client_secret_file: '/provider-secret',
          },
        },
      });
      await house.gatehouse.listen();
      client = await registerClient(house.gatehouse, {
        redirect_uris: [`${house.gatehouse.publicUrl}/nobody`],
      });
    });
    afterAll(() => house.close());
    beforeEach(async () => {
      browser = await openChromium();
      page = await browser.context.newPage();
      await page.goto(authorizeUrl(house.gatehouse, client, { code_challenge: createPkce().challenge }));
    });
    afterEach(() => browser.close());

    it('logs in where the button says', async () => {
      await page.getByRole('button', { name: 'Continue with Our partners' }).click();
      await page.waitForURL(`${client.redirectUri}**`);

      expect(new URL(page.url()).searchParams.has('code')).toBe(true);
      expect(house.partner.count('token')).toBe(1);
      expect(house.corp.count('token')).toBe(0);
    });

    it('is done by keyboard alone', async () => {
      await page.getByRole('button', { name: 'Continue with Example Corp' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(`${client.redirectUri}**`);

      expect(house.corp.count('token')).toBe(1);
    });

    it('has no finding of axe, and fits, on a telephone and in the dark as well', async () => {
      await page.getByRole('button', { name: 'Continue with Our partners' }).waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1280, 320]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 900 });
          const { violations } = await new AxeBuilder({ page }).analyze();
          expect(violations.map(({ id }) => id)).toEqual([]);
          expect(
            await page.evaluate(
              'document.documentElement.scrollWidth - document.documentElement.clientWidth',
            ),
          ).toBeLessThanOrEqual(0);
          if (pictureFolder !== undefined) {
            const path = `${pictureFolder}/${rendersConsent}-${colorScheme}-${width}.png`;
            await page.screenshot({ path, fullPage: true });
          }
        }
      }
    });
  },
);
