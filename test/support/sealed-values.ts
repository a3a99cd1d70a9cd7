import { Browser } from './browser.ts';
import { callMount } from './answering-upstream.ts';
import { authorizeUrl, createPkce, decide, readForm, redeem, refresh, registerClient } from './flow.ts';
import type { SealPurpose } from '../../src/platform/sealing/sealer.ts';
import type { TestGatehouse } from './gatehouse.ts';

export type SealedKind =
  'client' | 'consent' | 'state' | 'code' | 'access' | 'refresh' | 'successor' | 'registration';

/** The purposes, spelled out here: name and prefix are part of the released formats. */
export const purposes: Readonly<Record<SealedKind, SealPurpose>> = {
  client: { name: 'client', prefix: 'mgh_cl_', maxLength: 2048 },
  consent: { name: 'consent', prefix: 'mgh_cs_', maxLength: 6144 },
  state: { name: 'session', prefix: 'mgh_st_', maxLength: 3328 },
  code: { name: 'code', prefix: 'mgh_ac_', maxLength: 4096 },
  access: { name: 'access', prefix: 'mgh_at_', maxLength: 8192 },
  refresh: { name: 'refresh', prefix: 'mgh_rt_', maxLength: 8192 },
  successor: { name: 'stored-successor', prefix: 'mgh_ss_', maxLength: 12_288 },
  registration: { name: 'registration-access', prefix: 'mgh_ra_', maxLength: 512 },
};

/** What an endpoint said to a value, as a stranger sees it. */
export interface Verdict {
  readonly accepted: boolean;
  readonly answer: string;
}

/** One live value of each kind, and every place where a value can be presented. */
export interface SealedValues {
  readonly values: ReadonlyMap<SealedKind, string>;
  /** By endpoint and parameter. Each takes the kind it is named for, and no other. */
  readonly places: ReadonlyMap<
    string,
    { readonly takes: SealedKind; present(value: string): Promise<Verdict> }
  >;
}

/** Walks through a login, stopping before each one-time value is used, so that every value is still good. */
export async function collectSealedValues(gatehouse: TestGatehouse): Promise<SealedValues> {
  const registered = await register(gatehouse);
  const client = await registerClient(gatehouse);
  const browser = new Browser(gatehouse);
  const { verifier, challenge } = createPkce();
  const ask = (clientId = client.clientId): Promise<Response> =>
    browser.get(authorizeUrl(gatehouse, { ...client, clientId }, { code_challenge: challenge }));
  const startLogin = async (): Promise<string> =>
    new URL(await decide(browser, await ask())).searchParams.get('state') ?? '';
  const finishLogin = async (state: string): Promise<Response> =>
    browser.get(`/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`);
  const obtainCode = async (): Promise<string> => {
    const location = (await finishLogin(await startLogin())).headers.get('location') ?? '';
    return new URL(location).searchParams.get('code') ?? '';
  };
  const redeemCode = (code: string): Promise<Response> =>
    redeem(gatehouse, { client, browser, code, verifier, redirectUri: client.redirectUri });
  const tokens = await readTokens(await redeemCode(await obtainCode()));
  const successor = await rotateOnce(gatehouse, client.clientId, tokens.refresh);
  const live = await readTokens(await redeemCode(await obtainCode()));

  const values = new Map<SealedKind, string>([
    ['client', client.clientId],
    ['consent', readForm(await (await ask()).text())['consent_token'] ?? ''],
    ['state', await startLogin()],
    ['code', await obtainCode()],
    ['access', live.access],
    ['refresh', live.refresh],
    ['successor', successor],
    ...(registered.token === undefined ? [] : ([['registration', registered.token]] as const)),
  ]);
  const places: SealedValues['places'] = new Map([
    ['authorize client_id', { takes: 'client', present: async (value) => judge(await ask(value), 200) }],
    [
      'consent consent_token',
      {
        takes: 'consent',
        present: async (value) =>
          judge(await browser.post('/consent', { consent_token: value, action: 'approve' }), 200),
      },
    ],
    ['callback state', { takes: 'state', present: async (value) => judge(await finishLogin(value), 302) }],
    ['token code', { takes: 'code', present: async (value) => judge(await redeemCode(value), 200) }],
    [
      'token refresh_token',
      {
        takes: 'refresh',
        present: async (value) => judge(await refresh(gatehouse, client.clientId, value), 200),
      },
    ],
    [
      'token client_id',
      // The refresh token is no good on purpose: a client that is not known is a 401 before anybody looks at it.
      {
        takes: 'client',
        present: async (value) => judge(await refresh(gatehouse, value, 'mgh_rt_none'), 400),
      },
    ],
    [
      'mount bearer',
      { takes: 'access', present: async (value) => judge(await callMount(gatehouse, value), 200) },
    ],
    [
      'registration bearer',
      {
        takes: 'registration',
        present: async (value) =>
          judge(
            await gatehouse.fetch(registered.path, { headers: { authorization: `Bearer ${value}` } }),
            200,
          ),
      },
    ],
  ] as const);
  return { values, places };
}

async function judge(response: Response, good: number): Promise<Verdict> {
  const challenge = response.headers.get('www-authenticate') ?? '';
  return {
    accepted: response.status === good,
    answer: `${response.status} ${challenge} ${await response.text()}`,
  };
}

async function readTokens(
  response: Response,
): Promise<{ readonly access: string; readonly refresh: string }> {
  const body = (await response.json()) as { access_token?: string; refresh_token?: string };
  if (body.access_token === undefined || body.refresh_token === undefined) throw new Error('no tokens');
  return { access: body.access_token, refresh: body.refresh_token };
}

/** Rotates and returns the successor as the store has it. */
async function rotateOnce(gatehouse: TestGatehouse, clientId: string, token: string): Promise<string> {
  await (await refresh(gatehouse, clientId, token)).json();
  const { records } = await gatehouse.store.list('', { cursor: '', limit: 100 });
  const stored = records.map(({ value }) => /mgh_ss_[A-Za-z0-9_-]+/.exec(value)?.[0]).find(Boolean);
  if (stored === undefined) throw new Error('no successor is stored');
  return stored;
}

async function register(
  gatehouse: TestGatehouse,
): Promise<{ readonly path: string; readonly token: string | undefined }> {
  const response = await gatehouse.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://client.example/callback'] }),
  });
  const body = (await response.json()) as {
    registration_access_token?: string;
    registration_client_uri?: string;
  };
  return { path: body.registration_client_uri ?? '/registration', token: body.registration_access_token };
}
