import { afterEach, describe, expect, it } from 'vitest';

import type { Client } from '../../src/services/clients/client.ts';
import { clientSecret, fileWithClients, hashSecret } from '../support/configured-clients.ts';
import { obtainCode, postForm, type SignedIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

const redirectUri = 'https://client.example/callback';

async function signIn(clientId: string, env: Record<string, string> = {}): Promise<SignedIn> {
  gatehouse = await createTestGatehouse({ file: fileWithClients, env });
  return obtainCode(gatehouse, { client: { clientId, redirectUri } });
}

function redeem(
  { code, verifier }: SignedIn,
  form: Record<string, string>,
  authorization?: string,
): Promise<Response> {
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  };
  return postForm(
    gatehouse,
    '/token',
    { ...fields, ...form },
    authorization === undefined ? {} : { authorization },
  );
}

/** As when the operator writes something else about one of the clients. */
function reloadClient(clientId: string, change: Pick<Client, 'scope' | 'resources'>): Promise<void> {
  const { config, gateway } = gatehouse;
  const clients = config.clients.map((each) => (each.clientId === clientId ? { ...each, ...change } : each));
  return gateway.reload({ ...config, clients });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
const good = `Basic ${base64(`basic:${encode(clientSecret)}`)}`;

describe('F. clients with a secret', () => {
  it.each([
    ['Basic and the secret in the body', { client_secret: clientSecret }, good],
    ['Basic and another client in the body', { client_id: 'public' }, good],
    ['Basic and half an assertion', { client_assertion: 'x' }, good],
  ])('88: %s are two clients in one request', async (_what, form, authorization) => {
    const signedIn = await signIn('basic');
    const refused = await redeem(signedIn, { ...form }, authorization);
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_request',
    ]);
    expect((await redeem(signedIn, {}, good)).status).toBe(200);
  });

  it.each([
    ['no credential', { client_id: 'basic' }, undefined],
    ['an empty secret in the body', { client_id: 'basic', client_secret: '' }, undefined],
    ['the right secret in the wrong place', { client_id: 'basic', client_secret: clientSecret }, undefined],
    ['an empty secret', {}, `Basic ${base64('basic:')}`],
    ['the hash in place of the secret', {}, `Basic ${base64(`basic:${hashSecret(clientSecret)}`)}`],
    ['the secret without its end', {}, `Basic ${base64(`basic:${encode(clientSecret.slice(0, -1))}`)}`],
    ['the secret and a NUL', {}, `Basic ${base64(`basic:${encode(clientSecret)}%00`)}`],
    ['an id that is encoded twice', {}, `Basic ${base64(`%2562asic:${encode(clientSecret)}`)}`],
    ['another scheme', {}, good.replace('Basic', 'Bearer')],
    ['no scheme', {}, good.replace('Basic ', '')],
    ['base64 for URLs', {}, `Basic ${Buffer.from('basic:ÿþ>?').toString('base64url')}`],
    ['base64 that goes on', {}, `${good}, Basic x`],
    ['no base64', {}, 'Basic %%%'],
    ['another client with the same secret', {}, `Basic ${base64(`post:${encode(clientSecret)}`)}`],
  ])('88, 89: %s proves nobody', async (_what, form, authorization) => {
    const signedIn = await signIn('basic');
    const refused = await redeem(signedIn, { ...form }, authorization);
    const body = (await refused.json()) as Record<string, string>;
    expect([refused.status, body['error']]).toEqual([401, 'invalid_client']);
    const challenge = authorization === undefined ? null : 'Basic realm="token"';
    expect(refused.headers.get('www-authenticate')).toBe(challenge);
    expect(body['error_description']).toMatch(/^Client authentication failed/);
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
    expect((await redeem(signedIn, {}, good)).status).toBe(200);
  });

  it('88: there is no client whose secret is empty, whatever a script has hashed', async () => {
    const file = fileWithClients.replaceAll(hashSecret(clientSecret), hashSecret(''));
    await expect(createTestGatehouse({ file })).rejects.toThrow('is that of an empty secret');
    gatehouse = await createTestGatehouse({ file: fileWithClients });
  });

  it('89: guesses end at the limit of their address, and the client of another goes on', async () => {
    const signedIn = await signIn('basic', { RATE_LIMIT_ENABLED: 'true' });
    const statuses: number[] = [];
    for (let guess = 0; guess < 100; guess += 1) {
      const authorization = `Basic ${base64(`basic:guess-${guess}`)}`;
      statuses.push((await redeem(signedIn, {}, authorization)).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(60);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    const { code, verifier } = signedIn;
    const fields = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    const request = new Request('https://gatehouse.test/token', {
      method: 'POST',
      headers: { authorization: good, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
    const context = { requestId: 'r', clientAddress: '198.51.100.7' };
    expect((await gatehouse.gateway.fetch(request, context)).status).toBe(200);
  });

  it('89: no answer tells a client that there is from one that there is not', async () => {
    const signedIn = await signIn('basic');
    const answers = await Promise.all(
      ['basic', 'post', 'keyed', 'public', 'nobody', 'mgh_cl_x', 'https%3A%2F%2Fclient.example%2Fx'].map(
        async (id) => {
          const refused = await redeem(signedIn, {}, `Basic ${base64(`${id}:guess`)}`);
          const { error, error_description: text } = (await refused.json()) as Record<string, string>;
          return [id.startsWith('https') ? 'x' : refused.status, error, text];
        },
      ),
    );
    // A document that cannot be fetched is another matter, and no secret would ever be taken for its client.
    expect(new Set(answers.slice(0, -1).map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('a code is worth no more than the operator lets the client have when it is redeemed', async () => {
    gatehouse = await createTestGatehouse({ file: fileWithClients });
    const client = { clientId: 'basic', redirectUri };
    const obtain = (): Promise<SignedIn> =>
      obtainCode(gatehouse, { client, overrides: { resource: gatehouse.resource, scope: 'read write' } });
    const [narrowed, refused] = [await obtain(), await obtain()];
    await reloadClient('basic', { scope: ['read'] });
    expect(await (await redeem(narrowed, {}, good)).json()).toMatchObject({ scope: 'read' });
    await reloadClient('basic', { resources: [`${gatehouse.publicUrl}/second/mcp`] });
    const answer = await redeem(refused, {}, good);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_target',
    ]);
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toHaveLength(1);
  });

  it('88: the secret of a client is in no log and no event', async () => {
    const signedIn = await signIn('basic');
    await redeem(signedIn, { client_secret: clientSecret }, good);
    await redeem(signedIn, {}, good);
    const written = gatehouse.logged() + JSON.stringify(gatehouse.events);
    for (const text of [clientSecret, encode(clientSecret), hashSecret(clientSecret), good.slice(6)]) {
      expect(written).not.toContain(text);
    }
  });
});
