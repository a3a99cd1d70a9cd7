import * as openid from 'openid-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { answerDevice, deviceEnvironment, deviceGrant } from '../support/device-flow.ts';
import { registerClient } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

describe('A certified client library that knows nothing of MCP', () => {
  let gatehouse: TestGatehouse;
  let configuration: openid.Configuration;

  beforeEach(async () => {
    gatehouse = await createTestGatehouse({ env: deviceEnvironment });
    const { clientId } = await registerClient(gatehouse);
    configuration = await openid.discovery(new URL(gatehouse.publicUrl), clientId, undefined, openid.None(), {
      algorithm: 'oauth2',
      [openid.customFetch]: (url, options) => gatehouse.fetch(url, options as RequestInit),
    });
  });
  afterEach(() => gatehouse.close());

  it('finds device authorization in the metadata, waits, and gets the tokens of who typed the code', async () => {
    const begun = await openid.initiateDeviceAuthorization(configuration, { resource: gatehouse.resource });
    const ask = (): Promise<unknown> =>
      openid.genericGrantRequest(configuration, deviceGrant, { device_code: begun.device_code });
    await expect(ask()).rejects.toMatchObject({ error: 'authorization_pending', status: 400 });
    await answerDevice(new Browser(gatehouse), begun.user_code);
    expect(await ask()).toMatchObject({
      token_type: 'bearer',
      access_token: expect.stringMatching(/^mgh_at_/),
      refresh_token: expect.stringMatching(/^mgh_rt_/),
    });
  });

  it('understands that the person denied', async () => {
    const begun = await openid.initiateDeviceAuthorization(configuration, {});
    await answerDevice(new Browser(gatehouse), begun.user_code, 'deny');
    await expect(
      openid.genericGrantRequest(configuration, deviceGrant, { device_code: begun.device_code }),
    ).rejects.toMatchObject({ error: 'access_denied', status: 400 });
  });
});
