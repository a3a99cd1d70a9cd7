import type { Browser, BrowserTarget } from './browser.ts';
import { decide, postForm, registerClient, type TestClient } from './flow.ts';

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
/** The environment in which devices may sign in. */
export const deviceEnvironment = { DEVICE_AUTHORIZATION: 'on' };

export interface BegunDevice {
  readonly client: TestClient;
  readonly deviceCode: string;
  readonly userCode: string;
  readonly body: Record<string, unknown>;
}

/** A device asks for its codes. */
export async function beginDevice(
  gatehouse: BrowserTarget,
  form: Record<string, string> = {},
  known?: TestClient,
): Promise<BegunDevice> {
  const client = known ?? (await registerClient(gatehouse));
  const response = await postForm(gatehouse, '/device_authorization', {
    client_id: client.clientId,
    ...form,
  });
  const body = (await response.json()) as Record<string, unknown>;
  if (response.status !== 200) throw new Error(`device authorization answered ${JSON.stringify(body)}`);
  return { client, deviceCode: String(body['device_code']), userCode: String(body['user_code']), body };
}

/** A person types the code; the consent page, or the form again. */
export function typeCode(browser: Browser, userCode: string): Promise<Response> {
  return browser.post('/device', { user_code: userCode });
}

/** A person answers the consent page, and logs in where it leads; the page that comes last. */
export async function answerDevice(
  browser: Browser,
  userCode: string,
  action: 'approve' | 'deny' = 'approve',
): Promise<Response> {
  const next = await decide(browser, await typeCode(browser, userCode), action);
  if (action === 'deny') return browser.get(next);
  return browser.get(await logInForDevice(browser, next));
}

/** From the identity provider back to the answer: the URL that the callback leads to. */
export async function logInForDevice(browser: Browser, login: string): Promise<string> {
  const state = new URL(login).searchParams.get('state') ?? '';
  const callback = await browser.get(
    `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`,
  );
  const location = callback.headers.get('location');
  if (location === null) throw new Error(`callback answered ${callback.status}: ${await callback.text()}`);
  return location;
}

/** The device asks whether somebody has answered. */
export function pollDevice(
  gatehouse: BrowserTarget,
  device: Pick<BegunDevice, 'client' | 'deviceCode'>,
  form: Record<string, string> = {},
): Promise<Response> {
  return postForm(gatehouse, '/token', {
    grant_type: deviceGrant,
    device_code: device.deviceCode,
    client_id: device.client.clientId,
    ...form,
  });
}

export async function errorOf(response: Response): Promise<unknown> {
  return ((await response.json()) as Record<string, unknown>)['error'];
}
