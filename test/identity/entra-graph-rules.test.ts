import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { everybody, type EntryRules } from '../../src/services/entry/entry-rules.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { refresh } from '../support/flow.ts';
import { type HouseOfTwo, openHouseOfTwo } from '../support/house-of-two.ts';
import { becomeEntra } from '../support/identity/entra.ts';
import { SimulatedGraph } from '../support/identity/graph.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';
import { replyJson, startRecordingUpstream, type RecordingUpstream } from '../support/recording-upstream.ts';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const staff = 'b6a3c0f5-0e0a-4a0b-8f0a-6d1f0a7d9f10';
const editors = 'c7b4d1a6-1f1b-4b1c-9a1b-7e2a1b8eaf21';
const unnamed = 'd8c5e2b7-2a2c-4c2d-8b2c-8f3b2c9fb032';

describe('Microsoft Graph, asked for what rules name', () => {
  const clock = new FakeClock();
  let graph: SimulatedGraph;
  let upstream: RecordingUpstream;
  let corp: TestOpenIdProvider;
  let partner: TestOpenIdProvider;
  let house: HouseOfTwo;

  beforeEach(async () => {
    graph = await SimulatedGraph.start();
    graph.groups = [staff, editors, unnamed];
    upstream = await startRecordingUpstream();
    upstream.answer = replyJson({});
    corp = await TestOpenIdProvider.start(clock);
    partner = await TestOpenIdProvider.start(clock);
    becomeEntra(corp);
    corp.person = { ...corp.person, groups: undefined, hasgroups: true };
    house = await openHouseOfTwo({
      clock,
      providers: { corp, partner },
      entries: {
        corp: {
          name: 'corp',
          preset: 'entra',
          entra_tenant: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
          entra_graph_url: graph.url,
          issuer_url: corp.issuer,
          client_id: corp.clientId,
          client_secret_file: '/provider-secret',
        },
      },
      mount: {
        upstream: `${upstream.origin}/mcp`,
        entry: { groups: { any: [staff] } },
        policy: {
          default: 'allow',
          rules: [{ name: 'editors', deny: { tools: ['write'] }, except: { groups: [editors] } }],
        },
      },
    });
  });

  afterEach(async () => {
    await house.close();
    await Promise.all([corp.close(), partner.close(), graph.close(), upstream.close()]);
  });

  async function groupsSeen(accessToken: string): Promise<readonly string[] | undefined> {
    const { gatehouse } = house;
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
    await gatehouse.fetch(gatehouse.mount, { method: 'POST', headers, body: ping });
    return upstream.requests.at(-1)?.header('x-user-groups')[0]?.split(',').toSorted();
  }

  it('finds groups of entry rules and policies, which nobody listed a second time', async () => {
    const { accessToken } = await house.signIn('corp');
    expect(await groupsSeen(accessToken)).toEqual([staff, editors].toSorted());
  });

  it('is asked at a refresh for those that rules name by then', async () => {
    const { gatehouse } = house;
    const { client, refreshToken } = await house.signIn('corp');
    const enforce = (groups: Partial<EntryRules['groups']>): Promise<void> =>
      gatehouse.gateway.reload({
        ...gatehouse.config,
        entry: { rules: { ...everybody, groups: { ...everybody.groups, ...groups } }, contact: undefined },
      });

    await enforce({ all: [unnamed] });
    const answer = await refresh(gatehouse, client.clientId, refreshToken);
    const tokens = (await answer.json()) as { access_token: string; refresh_token: string };
    expect(await groupsSeen(tokens.access_token)).toEqual([staff, editors, unnamed].toSorted());

    await enforce({ none: [unnamed] });
    expect((await refresh(gatehouse, client.clientId, tokens.refresh_token)).status).toBe(400);
  });
});
