import { afterAll, afterEach, describe, expect, it } from 'vitest';

import type { EntrySettings } from '../../src/services/entry/entry-gate.ts';
import { type EntryRules, everybody } from '../../src/services/entry/entry-rules.ts';
import { lanes } from '../support/attacked-house.ts';
import { Browser } from '../support/browser.ts';
import { fileWithClients, clientSecret } from '../support/configured-clients.ts';
import { beginDevice, deviceEnvironment, errorOf, pollDevice, typeCode } from '../support/device-flow.ts';
import { startEnterpriseHouse, startEnterpriseIssuer } from '../support/enterprise-house.ts';
import { authorizeUrl, decide, postForm, refresh, registerClient, signIn } from '../support/flow.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startForeignHouse } from '../support/foreign-house.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type HouseOfTwo, type HouseOfTwoOptions, openHouseOfTwo } from '../support/house-of-two.ts';
import { SimulatedGitHub } from '../support/identity/github.ts';
import { becomeGitLab } from '../support/identity/gitlab.ts';
import { openProvider } from '../support/identity/opened-provider.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';

const closers: (() => unknown)[] = [];

afterAll(closeAuthority);
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open<House extends { close(): unknown }>(opening: Promise<House>): Promise<House> {
  const house = await opening;
  closers.push(() => house.close());
  return house;
}

const reasonsOf = ({ events }: Pick<TestGatehouse, 'events'>): readonly string[] =>
  events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));

const asked = (rules: Partial<EntryRules>): EntrySettings => ({
  rules: { ...everybody, ...rules },
  contact: undefined,
});
const anyOf = (...any: EntryRules['groups']['any']): EntrySettings =>
  asked({ groups: { any, all: [], none: [] } });

/** A login at one of the two, up to the status of the callback. */
async function attempt(house: HouseOfTwo, at: 'corp' | 'partner'): Promise<number> {
  const client = await registerClient(house.gatehouse);
  const browser = new Browser(house.gatehouse);
  const page = await browser.get(authorizeUrl(house.gatehouse, client));
  const query = await house[at].logIn(new URL(await decide(browser, page, `approve:${at}`)));
  return (await browser.get(`/callback/${at}?${query.toString()}`)).status;
}

describe('P. who may enter: two live providers', () => {
  const openTwo = (options: HouseOfTwoOptions): Promise<HouseOfTwo> => open(openHouseOfTwo(options));

  it.each([
    { groups: { any: ['engineering'] } },
    { groups: { all: ['engineering'] } },
    { subjects: { allow: ['alice'] } },
  ])('302: whoever has the same %j at the second one stays outside', async (entry) => {
    const house = await openTwo({ mount: { entry } });
    await house.signIn('corp');
    expect(await attempt(house, 'partner')).toBe(403);
    expect(reasonsOf(house.gatehouse)).toEqual([entry.groups === undefined ? 'entry_subject' : 'group']);
  });

  it('302: a name that keeps people out counts at both', async () => {
    const house = await openTwo({ mount: { entry: { groups: { none: ['engineering'] } } } });
    expect([await attempt(house, 'corp'), await attempt(house, 'partner')]).toEqual([403, 403]);
  });

  it.each<[string, readonly [number, number]]>([
    ['corp', [403, 302]],
    ['partner', [302, 403]],
  ])('314: a group that keeps people of %s out keeps out nobody of the other', async (at, statuses) => {
    const house = await openTwo({});
    // Open, so that there is something to reload.
    await house.gatehouse.fetch('/healthz');
    const { issuer } = at === 'corp' ? house.corp : house.partner;
    const entry = asked({ groups: { any: [], all: [], none: [{ issuer, group: 'engineering' }] } });
    await house.gatehouse.gateway.reload({ ...house.gatehouse.config, entry });
    expect([await attempt(house, 'corp'), await attempt(house, 'partner')]).toEqual(statuses);
  });

  it('302: a refresh is judged by the provider of the login', async () => {
    const house = await openTwo({});
    house.corp.refreshTokens = 'replaced';
    house.partner.refreshTokens = 'replaced';
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];
    await house.gatehouse.gateway.reload({ ...house.gatehouse.config, entry: anyOf('engineering') });
    const statuses = [];
    for (const { client, refreshToken } of [atCorp, atPartner]) {
      statuses.push((await refresh(house.gatehouse, client.clientId, refreshToken)).status);
    }
    expect(statuses).toEqual([200, 400]);
  });

  it('306: a device signs in at the second one by its own groups alone', async () => {
    const house = await openTwo({
      env: deviceEnvironment,
      mount: { entry: { groups: { any: ['engineering'] } } },
    });
    const device = await beginDevice(house.gatehouse);
    const browser = new Browser(house.gatehouse);
    const login = await decide(browser, await typeCode(browser, device.userCode), 'approve:partner');
    const query = await house.partner.logIn(new URL(login));
    expect((await browser.get(`/callback/partner?${query.toString()}`)).status).toBe(403);
    expect(await errorOf(await pollDevice(house.gatehouse, device))).toBe('authorization_pending');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ email_verified: false }, 'email_unverified'],
    [{ email_verified: undefined }, 'entry_email'],
    [{ email_verified: 1 }, 'entry_email'],
    [{ email: undefined }, 'entry_email'],
    [{ email: ['alice@example.com'] }, 'entry_email'],
    [{ email: 'alice@example.com ' }, 'entry_email'],
  ])(
    '300: with %j an address is not known, and no rule about addresses is satisfied',
    async (said, reason) => {
      const house = await openTwo({ mount: { entry: { emails: { allow: ['alice@example.com'] } } } });
      house.corp.person = { ...house.corp.person, ...said };
      await attempt(house, 'corp');
      expect(reasonsOf(house.gatehouse)).toEqual([reason]);
      expect(house.gatehouse.events.map(({ type }) => type)).not.toContain('login_succeeded');
    },
  );

  it.each([{ acr: ['gold'] }, { amr: 'mfa' }, { amr: ['mfa', 7] }, { auth_time: '1700000000' }])(
    '303: what an ID token says in another form is not said: %j',
    async (said) => {
      const house = await openTwo({
        mount: { entry: { acr: ['gold'], amr: ['mfa'], max_authentication_age: '1h' } },
      });
      const now = house.clock.nowSeconds();
      house.corp.person = { ...house.corp.person, acr: 'gold', amr: ['mfa'], auth_time: now };
      await house.signIn('corp');
      house.corp.person = { ...house.corp.person, ...said };
      await attempt(house, 'corp');
      expect(house.gatehouse.events.filter(({ type }) => type === 'login_succeeded')).toHaveLength(1);
    },
  );
});

describe('P. who may enter: grants without a page', () => {
  it('307: an assertion of another issuer has none of the provider’s groups, whatever it calls them', async () => {
    const house = await open(startEnterpriseHouse({ mount: { entry: { groups: { any: ['finance'] } } } }));
    const refused = await house.exchange(await house.assert({ groups: ['finance'] }));
    expect([refused.status, await errorOf(refused), reasonsOf(house.gatehouse)]).toEqual([
      400,
      'invalid_grant',
      ['group'],
    ]);
    expect(house.gatehouse.events.map(({ type }) => type)).not.toContain('tokens_issued');
  });

  it('307: an assertion brings the groups that rules name of its issuer, and acr and age never', async () => {
    const issuer = await open(startEnterpriseIssuer());
    const finance = { issuer: issuer.issuer, group: 'finance' };
    const house = await open(
      startEnterpriseHouse({ issuer, mount: { entry: { groups: { any: [finance] } } } }),
    );
    const { gatehouse } = house;
    expect((await house.exchange(await house.assert({ groups: ['finance'] }))).status).toBe(200);
    expect((await house.exchange(await house.assert({ groups: ['sales'] }))).status).toBe(400);
    await gatehouse.gateway.reload({ ...gatehouse.config, entry: asked({ acr: ['gold'] }) });
    const weak = await house.assert({ groups: ['finance'], acr: 'gold', auth_time: 1 });
    expect((await house.exchange(weak)).status).toBe(400);
    expect(reasonsOf(gatehouse)).toEqual(['group', 'entry_acr']);
  });

  it('307: a client that acts for itself is judged by its registration, and is nobody for the rules', async () => {
    const text = fileWithClients.replace(
      'client_id: basic\n',
      'client_id: basic\n    grant_types: [client_credentials, authorization_code]\n',
    );
    const gatehouse = await open(
      createTestGatehouse({
        file: `entry: { subjects: { allow: [nobody] }, groups: { any: [staff] } }\n${text}`,
      }),
    );
    const basic = Buffer.from(`basic:${encodeURIComponent(clientSecret).replaceAll('%20', '+')}`).toString(
      'base64',
    );
    const headers = { authorization: `Basic ${basic}` };
    const answer = await postForm(gatehouse, '/token', { grant_type: 'client_credentials' }, headers);
    expect(answer.status).toBe(200);
    // A person does not become one by what they are called.
    gatehouse.identityProvider.person = { ...gatehouse.identityProvider.person, subject: 'basic' };
    await expect(signIn(gatehouse)).rejects.toThrow('callback answered 403');
  });
});

describe.each(lanes)('P. who may enter: tokens of another issuer, on the %s', (_lane, env) => {
  const entry = anyOf('staff');

  it('308: are judged by what they say, and by the groups of their issuer alone', async () => {
    const house = await open(startForeignHouse({ env, mount: { entry } }));
    expect((await house.call(house.issuer.issue())).status).toBe(200);
    const strangers = [{ groups: ['Staff'] }, { groups: [] }, { groups: undefined }, { groups: 'staffing' }];
    for (const claims of strangers) expect((await house.call(house.issuer.issue(claims))).status).toBe(403);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('308: do not get around a rule by a client whose name is the subject', async () => {
    const house = await open(startForeignHouse({ env, mount: { entry } }));
    const token = house.issuer.issue({ sub: 'their-client', groups: undefined });
    expect((await house.call(token)).status).toBe(403);
    expect(house.upstream.requests).toEqual([]);
  });

  it('308: say of the login what their issuer signed, and of what it does not say nothing is assumed', async () => {
    const house = await open(startForeignHouse({ env, mount: { entry: asked({ acr: ['gold'] }) } }));
    for (const acr of [undefined, 'Gold', ['gold'], { gold: true }, 'gold silver']) {
      expect((await house.call(house.issuer.issue({ acr }))).status).toBe(401);
    }
    expect((await house.call(house.issuer.issue({ acr: undefined }, { acr: 'gold' }))).status).toBe(401);
    expect(house.upstream.requests).toEqual([]);
    expect((await house.call(house.issuer.issue({ acr: 'gold' }))).status).toBe(200);
  });

  it('308: that are asked about are judged by the answer, which no address of before helps', async () => {
    const house = await open(
      startForeignHouse({
        env,
        kind: 'introspection',
        mount: { entry: asked({ domains: { allow: ['example.com'], deny: [] } }) },
      }),
    );
    const good = { active: true, ...house.issuer.claims() };
    house.issuer.opaque.set('good', good);
    house.issuer.opaque.set('evil', { ...good, email: 'alice@evil.example' });
    house.issuer.opaque.set('unverified', { ...good, email_verified: false });
    house.issuer.opaque.set('silent', { ...good, email: undefined });
    expect((await house.call('good')).status).toBe(200);
    for (const token of ['evil', 'unverified', 'silent']) expect((await house.call(token)).status).toBe(403);
    await house.gateway.reload({
      ...house.config,
      entry: asked({ subjects: { allow: [], deny: [{ issuer: undefined, subject: 'alice' }] } }),
    });
    expect((await house.call('good')).status).toBe(403);
    expect(house.upstream.requests).toHaveLength(1);
  });
});

describe('P. who may enter: organisations at GitHub', () => {
  async function openGitHub(entry: EntrySettings) {
    const github = await open(SimulatedGitHub.start());
    const gatehouse = await open(createTestGatehouse());
    const opened = openProvider(github, gatehouse.clock, { IDP: 'github' });
    closers.push(() => opened.provider.close());
    Object.assign(gatehouse.identityProvider, opened.provider);
    await gatehouse.fetch('/.well-known/oauth-authorization-server');
    await gatehouse.gateway.reload({ ...gatehouse.config, entry: homeOf(entry, github.issuer) });
    const logIn = (url: URL): Promise<URLSearchParams> => github.logIn(url);
    return { github, gatehouse, enter: () => signIn(gatehouse, { logIn }) };
  }

  /** The harness is configured for another provider than the one that is put into it. */
  function homeOf({ rules, contact }: EntrySettings, issuer: string): EntrySettings {
    const named = (names: EntryRules['groups']['any']): EntryRules['groups']['any'] =>
      names.map((name) => (typeof name === 'string' ? { issuer, group: name } : name));
    const { any, all, none } = rules.groups;
    return { rules: { ...rules, groups: { any: named(any), all: named(all), none: named(none) } }, contact };
  }

  it.each<[string, readonly string[], readonly string[]]>([
    ['a team of the same name in an organisation of their own', ['evil'], ['evil/engineering']],
    ['the organisation without the team', ['acme'], []],
    ['an organisation that is called almost so', ['acme-engineering'], []],
  ])('301: %s is not the team that the rule names', async (_, organizations, teams) => {
    const { github, gatehouse, enter } = await openGitHub(anyOf('acme/engineering'));
    Object.assign(github.person, { organizations, teams });
    await expect(enter()).rejects.toThrow('callback answered 403');
    expect(reasonsOf(gatehouse)).toContain('group');
  });

  it('301: whoever allows too little to be asked about groups hides none by that', async () => {
    const { github, gatehouse, enter } = await openGitHub(
      asked({ groups: { any: [], all: [], none: ['suspended'] } }),
    );
    Object.assign(github.person, { organizations: ['suspended'], teams: [] });
    github.misbehaviour = { tokenResponse: { scope: 'user:email' } };
    await expect(enter()).rejects.toThrow('callback sent no code');
    expect(reasonsOf(gatehouse)).toEqual(['idp_exchange_failed']);
    github.misbehaviour = {};
    await expect(enter()).rejects.toThrow('callback answered 403');
  });

  it('301: whoever leaves the team is out with the next refresh', async () => {
    const { github, gatehouse, enter } = await openGitHub(anyOf('acme/engineering'));
    const { client, refreshToken } = await enter();
    Object.assign(github.person, { teams: [] });
    expect((await refresh(gatehouse, client.clientId, refreshToken)).status).toBe(400);
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'grant_revoked', cause: 'group' }),
    );
  });
});

describe('P. who may enter: inherited memberships at GitLab', () => {
  it.each<[readonly string[], object, number]>([
    [['example'], { any: ['example/mcp'] }, 302],
    [['example-evil'], { any: ['example/mcp'] }, 403],
    [['evil/example'], { any: ['example/mcp'] }, 403],
    [['example/mcp/readers'], { any: ['example/mcp'] }, 403],
    [['example'], { none: ['example/suspended'] }, 403],
    [['examples'], { none: ['example/suspended'] }, 302],
  ])('301: a member of %j meets the rule %j: %i', async (groups, rule, status) => {
    const clock = new FakeClock();
    const gitlab = await open(TestOpenIdProvider.start(clock));
    const partner = await open(TestOpenIdProvider.start(clock));
    becomeGitLab(gitlab);
    gitlab.person = { ...gitlab.person, groups_direct: groups };
    const house = await open(
      openHouseOfTwo({
        clock,
        providers: { corp: gitlab, partner },
        entries: {
          corp: {
            name: 'corp',
            preset: 'gitlab',
            gitlab_url: gitlab.issuer,
            gitlab_groups: 'inherited',
            client_id: gitlab.clientId,
            client_secret_file: '/provider-secret',
          },
        },
        mount: { entry: { groups: rule } },
      }),
    );
    expect(await attempt(house, 'corp')).toBe(status);
  });
});
