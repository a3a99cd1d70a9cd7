import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createSealer, type Sealer } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseRedirectUri, type RedirectUri } from '../../protocol/redirect-uri.ts';
import { type Clients, clientPurpose, createClients } from './clients.ts';

const secret = 'a secret of at least thirty-two bytes';
const redirectUris = [parseRedirectUri('https://client.example/callback', { privateUseSchemes: [] })];

function createTestSealer(
  context = 'https://gatehouse.test',
  secrets: [string, ...string[]] = [secret],
): Sealer {
  return createSealer({ secrets, context, random: systemRandom });
}

function setUp(options: { sealer?: Sealer; ttlSeconds?: number; schemes?: readonly string[] } = {}): {
  clients: Clients;
  clock: FakeClock;
} {
  const clock = new FakeClock();
  const sealer = options.sealer ?? createTestSealer();
  const { ttlSeconds, schemes = [] } = options;
  const clients = createClients({
    sealer,
    clock,
    registrationTtlSeconds: ttlSeconds,
    privateUseSchemes: schemes,
  });
  return { clock, clients };
}

async function refusalOf(found: Promise<unknown>): Promise<readonly [string, string, number]> {
  const refusal: unknown = await found.catch((error: unknown) => error);
  if (!(refusal instanceof OAuthError)) throw new Error('not refused');
  return [refusal.code, refusal.reason, refusal.status];
}

describe('clients', () => {
  it('finds by its id what was registered', async () => {
    const { clients, clock } = setUp();
    const client = clients.register({ name: 'Ein Client ✓', redirectUris });
    expect(await clients.find(client.clientId)).toEqual(client);
    expect(client).toMatchObject({ name: 'Ein Client ✓', redirectUris, expiresAt: undefined });
    expect(client.issuedAt).toBe(clock.nowSeconds());
  });

  it('finds a client that has no name', async () => {
    const { clients } = setUp();
    const client = clients.register({ name: undefined, redirectUris });
    expect((await clients.find(client.clientId)).name).toBeUndefined();
  });

  it('gives two registrations of the same metadata two ids, with the prefix and never a URL', () => {
    const { clients } = setUp();
    const ids = Array.from({ length: 100 }, () => clients.register({ name: 'x', redirectUris }).clientId);
    expect(new Set(ids).size).toBe(100);
    expect(ids.every((id) => /^mgh_cl_[A-Za-z0-9_-]+$/.test(id))).toBe(true);
  });

  it('keeps a registration for ever by default', async () => {
    const { clients, clock } = setUp();
    const { clientId } = clients.register({ name: 'x', redirectUris });
    clock.advance(50 * 365 * 24 * 3600);
    expect((await clients.find(clientId)).clientId).toBe(clientId);
  });

  it('says of an expired registration that it expired', async () => {
    const { clients, clock } = setUp({ ttlSeconds: 3600 });
    const { clientId, expiresAt, issuedAt } = clients.register({ name: 'x', redirectUris });
    expect(expiresAt).toBe(issuedAt + 3600);
    clock.advance(3599);
    await clients.find(clientId);
    clock.advance(1);
    expect(await refusalOf(clients.find(clientId))).toEqual([
      'invalid_client',
      'client_registration_expired',
      401,
    ]);
    await expect(clients.find(clientId)).rejects.toThrow(/registration expired; register again/);
  });

  it('refuses a missing id as a bad request', async () => {
    const { clients } = setUp();
    const expected = ['invalid_request', 'client_id_missing', 400];
    expect(await refusalOf(clients.find(undefined))).toEqual(expected);
    expect(await refusalOf(clients.find(''))).toEqual(expected);
  });

  it.each([
    ['an id nobody sealed', () => 'my-client'],
    ['a URL', () => 'https://client.example/metadata.json'],
    ['a changed id', (id: string) => `${id.slice(0, -2)}${id.endsWith('AA') ? 'BB' : 'AA'}`],
    ['a longer id', (id: string) => `${id}A`],
    ['an id without its prefix', (id: string) => id.slice(clientPurpose.prefix.length)],
    ['an id with another prefix', (id: string) => id.replace('mgh_cl_', 'mgh_ac_')],
    ['an id beyond the cap', () => `mgh_cl_${'A'.repeat(100_000)}`],
  ])('refuses %s as unknown', async (_, change) => {
    const { clients } = setUp();
    const { clientId } = clients.register({ name: 'x', redirectUris });
    expect(await refusalOf(clients.find(change(clientId)))).toEqual([
      'invalid_client',
      'client_id_invalid',
      401,
    ]);
  });

  it('refuses the clients of another deployment and of a secret that is gone', async () => {
    const { clientId } = setUp().clients.register({ name: 'x', redirectUris });
    const moved = setUp({ sealer: createTestSealer('https://other.test') }).clients;
    const rotated = setUp({ sealer: createTestSealer(undefined, [`new ${secret}`]) }).clients;
    for (const clients of [moved, rotated]) {
      expect(await refusalOf(clients.find(clientId))).toEqual(['invalid_client', 'client_id_invalid', 401]);
    }
  });

  it('refuses a sealed registration of a shape it does not know', async () => {
    const sealer = createTestSealer();
    const clientId = sealer.seal(clientPurpose, JSON.stringify({ r: [], iat: 1 }));
    expect(await refusalOf(setUp({ sealer }).clients.find(clientId))).toEqual([
      'invalid_client',
      'client_id_invalid',
      401,
    ]);
  });

  it('leaves out the redirect URIs that are not accepted any more, in an old registration too', async () => {
    const sealer = createTestSealer();
    const old = setUp({ sealer, schemes: ['cursor'] }).clients;
    const app = parseRedirectUri('cursor://app/callback', { privateUseSchemes: ['cursor'] });
    // What an earlier release took, and a later one does not.
    const lenient = 'https://client.example/callback#' as RedirectUri;
    const both = old.register({ name: 'x', redirectUris: [app, lenient, ...redirectUris] });
    const { clients } = setUp({ sealer });

    expect((await old.find(both.clientId)).redirectUris).toEqual([app, ...redirectUris]);
    expect(await clients.find(both.clientId)).toEqual({ ...both, redirectUris });
    for (const redirectUri of [app, lenient]) {
      const { clientId } = old.register({ name: 'x', redirectUris: [redirectUri] });
      expect(await refusalOf(clients.find(clientId))).toEqual(['invalid_client', 'client_id_invalid', 401]);
    }
  });

  it('keeps a registration over a rotation of the secret', async () => {
    const { clientId } = setUp().clients.register({ name: 'x', redirectUris });
    const rotated = setUp({ sealer: createTestSealer(undefined, [`new ${secret}`, secret]) }).clients;
    expect((await rotated.find(clientId)).clientId).toBe(clientId);
  });

  it('refuses to register what would make the id longer than 2048 characters', async () => {
    const { clients } = setUp();
    const uris = Array.from(
      { length: 4 },
      (_, at) => `https://client.example/${at}${'x'.repeat(480)}` as RedirectUri,
    );
    const registering = Promise.resolve().then(() => clients.register({ name: 'x', redirectUris: uris }));
    expect(await refusalOf(registering)).toEqual(['invalid_redirect_uri', 'redirect_uri_invalid', 400]);
    const fitting = clients.register({ name: 'x', redirectUris: uris.slice(0, 2) });
    expect(fitting.clientId.length).toBeLessThanOrEqual(2048);
  });

  it('passes on a failure that is not about size', () => {
    const broken: Sealer = {
      seal: () => {
        throw new TypeError('broken');
      },
      open: () => undefined,
    };
    expect(() => setUp({ sealer: broken }).clients.register({ name: 'x', redirectUris })).toThrow(TypeError);
  });
});
