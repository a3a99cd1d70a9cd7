import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { complaintsOf, withoutProvider } from '../support/configuration.ts';
import {
  type EnterpriseHouse,
  type EnterpriseHouseOptions,
  startEnterpriseHouse,
  startEnterpriseIssuer,
} from '../support/enterprise-house.ts';
import { startForeignHouse } from '../support/foreign-house.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { openProvider, refusalOf } from '../support/identity/opened-provider.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';

const closers: (() => unknown)[] = [];

afterAll(closeAuthority);
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** What a token says instead of groups when they are elsewhere, or too many. */
const unsaid: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
  ['a source of groups', { _claim_names: { groups: 'src1' } }],
  ['a mark', { hasgroups: true }],
  ['a mark as text', { hasgroups: 'true' }],
  ['a mark beside nothing', { hasgroups: true, groups: null }],
];

describe('P. groups that somebody has, and that nobody says: at a mount for tokens of others', () => {
  it.each([
    ...unsaid.map(([name, claims]) => ['jwt', name, claims] as const),
    ['introspection', 'a mark', { hasgroups: true }] as const,
    ['hmac', 'a source of groups', { _claim_names: { groups: 'src1' } }] as const,
  ])('attack 320: %s with %s is no token of somebody without groups', async (kind, _name, claims) => {
    const house = await startForeignHouse({ kind });
    closers.push(() => house.close());
    const answer = await house.call(house.issue({ groups: undefined, ...claims }));
    expect(answer.status).toBe(401);
    expect(house.events.at(-1)).toMatchObject({ reason: 'token_claims_unusable' });
    expect(house.upstream.requests).toEqual([]);
    expect((await house.call(house.issue({ groups: undefined }))).status).toBe(200);
  });

  it('attack 320: nor one whose groups claim lies deeper', async () => {
    const change = (authority: object) =>
      ({
        ...authority,
        claims: { ...(authority as { claims: object }).claims, groups: '/access/groups' },
      }) as never;
    const house = await startForeignHouse({ change });
    closers.push(() => house.close());
    expect((await house.call(house.issue({ _claim_names: { access: 'src1' } }))).status).toBe(401);
    expect((await house.call(house.issue({ access: { groups: [] } }))).status).toBe(200);
  });
});

describe('P. groups that somebody has, and that nobody says: at a login', () => {
  it.each(unsaid)('attack 320: with %s is refused at a provider of any kind', async (_name, claims) => {
    const clock = new FakeClock();
    const remote = await TestOpenIdProvider.start(clock);
    remote.refreshTokens = 'kept';
    closers.push(() => remote.close());
    const opened = openProvider(remote, clock, {});
    closers.push(() => opened.provider.close());
    const login = await opened.logIn();
    const { groups: _groups, ...person } = remote.person;
    remote.person = { ...person, ...claims };
    const refusal = { code: 'access_denied', reason: 'groups_unresolved' };
    expect(await refusalOf(opened.logIn())).toMatchObject(refusal);
    expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
  });
});

describe('P. groups that somebody has, and that nobody says: in an assertion', () => {
  async function open(
    options: (issuer: string) => EnterpriseHouseOptions = () => ({}),
  ): Promise<EnterpriseHouse> {
    const issuer = await startEnterpriseIssuer();
    closers.push(() => issuer.close());
    const house = await startEnterpriseHouse({ issuer, ...options(issuer.issuer) });
    closers.push(() => house.close());
    return house;
  }

  it.each(unsaid)('attack 321: with %s it is nobody without groups', async (_name, claims) => {
    const house = await open();
    const refused = await house.exchange(await house.assert(claims));
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect(house.gatehouse.events.at(-1)).toMatchObject({ reason: 'groups_unresolved' });
    expect((await house.exchange(await house.assert())).status).toBe(200);
  });

  it.each(['', '/'])(
    'attack 321: it brings inherited groups along, as a login there does (slash: "%s")',
    async (slash) => {
      const house = await open((issuer) => ({
        env: {
          IDP: 'gitlab',
          GITLAB_URL: undefined,
          OIDC_ISSUER_URL: `${issuer}${slash}`,
          GITLAB_GROUPS: 'inherited',
        },
        mount: { entry: { groups: { none: ['acme/temps'] } } },
        entry: { groups_claim: 'groups_direct' },
      }));
      const refused = await house.exchange(await house.assert({ groups_direct: ['acme'] }));
      expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
      expect(house.gatehouse.events.at(-1)).toMatchObject({ reason: 'group' });
      const sibling = await house.assert({ groups_direct: ['acme/te', 'acm'] });
      expect((await house.exchange(sibling)).status).toBe(200);
    },
  );

  const google = {
    name: 'google',
    preset: 'google',
    client_id: 'x',
    client_secret_file: 'secret',
    google_hosted_domain: 'example.com',
  };
  const complaints = (provider: object, trusted: object): string[] =>
    complaintsOf(withoutProvider, {
      'gatehouse.yaml': JSON.stringify({
        identity_providers: [{ ...google, ...provider }],
        trusted_issuers: [{ clients: ['https://client.example/c'], ...trusted }],
        mounts: [{ name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:3000/mcp' }],
      }),
      secret: 'a secret',
    });

  it.each(['users', 'groups', 'nested'])(
    'attack 321: nobody starts who would take it for the answer of a directory (%s)',
    (directory) => {
      for (const issuer of ['https://accounts.google.com', 'https://accounts.google.com/']) {
        expect(complaints({ google_directory: directory }, { issuer })).toEqual([
          expect.stringContaining('trusted_issuers[0] is a provider whose logins are held to its directory'),
        ]);
      }
      expect(complaints({}, { issuer: 'https://accounts.google.com' })).toEqual([]);
      expect(complaints({ google_directory: directory }, { issuer: 'https://other.test' })).toEqual([]);
    },
  );
});
