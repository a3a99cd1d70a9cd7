import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { chromiumPath, openChromium } from '../support/chromium.ts';
import {
  type BegunDevice,
  beginDevice,
  deviceEnvironment,
  errorOf,
  pollDevice,
} from '../support/device-flow.ts';
import { freePort } from '../support/free-port.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

describe.skipIf(chromiumPath === undefined)('connecting a device with a real Chromium', () => {
  let gatehouse: TestGatehouse;
  let device: BegunDevice;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;

  beforeAll(async () => {
    const port = await freePort();
    const env = { PROXY_BASE_URL: `http://127.0.0.1:${port}`, LISTEN_ADDR: `127.0.0.1:${port}` };
    gatehouse = await createTestGatehouse({ env: { ...deviceEnvironment, ...env } });
    await gatehouse.listen();
  });
  afterAll(() => gatehouse.close());
  beforeEach(async () => {
    device = await beginDevice(gatehouse);
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
  afterEach(() => browser.close());

  async function typeCode(code: string): Promise<void> {
    await page.goto(String(device.body['verification_uri']));
    await page.getByLabel('Code on the device').fill(code);
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  async function expectAccessible(): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 320]) {
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
  }

  it('goes from the code over consent and login to the page that says so, and the device has tokens', async () => {
    await typeCode(device.userCode.toLowerCase());
    await page.getByText(device.userCode).waitFor();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Your device is connected' }).waitFor();
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
  });

  it('fills the code of a link in, and goes on only when the person says so', async () => {
    await page.goto(String(device.body['verification_uri_complete']));
    expect(await page.getByLabel('Code on the device').inputValue()).toBe(device.userCode);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('authorization_pending');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('heading', { name: 'Access denied' }).waitFor();
    await page.waitForURL(`${gatehouse.publicUrl}/device/answer**`);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('access_denied');
  });

  it('says what is wrong with a code that nobody has, where a screen reader hears it', async () => {
    await typeCode('BBBB-BBBB');
    expect(await page.getByRole('alert').textContent()).toContain('No device waits with this code');
    expect(await page.getByLabel('Code on the device').getAttribute('aria-invalid')).toBe('true');
    await expectAccessible();
  });

  it('has no finding of axe on its pages, none at 320 px, none in the dark', async () => {
    await page.goto(String(device.body['verification_uri_complete']));
    await expectAccessible();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText(device.userCode).waitFor();
    await expectAccessible();
    await page.goto(`${gatehouse.publicUrl}/device`);
    await expectAccessible();
  });
});
