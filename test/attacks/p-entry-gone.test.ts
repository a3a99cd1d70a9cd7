import { afterEach, describe, expect, it } from 'vitest';

import type { MountConfig } from '../../src/gateway/config/config.ts';
import type { EntrySettings } from '../../src/services/entry/entry-gate.ts';
import { type EntryRules, everybody } from '../../src/services/entry/entry-rules.ts';
import { lanes } from '../support/attacked-house.ts';
import { signIn } from '../support/flow.ts';
import { type ForeignHouse, startForeignHouse } from '../support/foreign-house.ts';
import { callPort } from '../support/mount-client.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { resourceAt, startWildcardHouse, type WildcardHouse } from '../support/wildcard-house.ts';

let house: WildcardHouse | ForeignHouse;

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
});

type Mounts = readonly MountConfig[];

const asked = (rules: Partial<EntryRules>): EntrySettings => ({
  rules: { ...everybody, ...rules },
  contact: undefined,
});
const named = [{ issuer: undefined, subject: 'alice' }];
const nobodyNamedAlice = asked({ subjects: { allow: [], deny: named } });
const aliceAlone = asked({ subjects: { allow: named, deny: [] } });

/** Goes over to these mounts, and these rules for all of them. */
function reload(change: (mounts: Mounts) => Mounts, entry?: EntrySettings): Promise<void> {
  const { config, gateway } = house;
  return gateway.reload({ ...config, mounts: change(config.mounts) as typeof config.mounts, entry });
}

/** An upstream that says something at once, and something more when told to. */
function stream(upstream: RecordingUpstream): () => void {
  const sockets: { write(text: string): unknown }[] = [];
  upstream.answer = (_, socket) => {
    sockets.push(socket);
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
  };
  return () => {
    for (const socket of sockets) socket.write('data: second\n\n');
  };
}

describe.each(lanes)('P. who may enter: at a label that is not served any more, on the %s', (_lane, env) => {
  const onlyBlue = (mounts: Mounts, entry?: EntrySettings): Mounts =>
    mounts.map((mount) => (mount.name === 'tenants' ? { ...mount, labels: ['blue'], entry } : mount));

  const others = (mounts: Mounts): Mounts => mounts.filter(({ name }) => name !== 'tenants');

  /** Streams of alice and bob at `red`, past their first event. */
  async function listen() {
    const opened = await startWildcardHouse({ env, wildcard: { labels: ['red', 'blue'] } });
    house = opened;
    const tellMore = stream(opened.upstream);
    const { publicPort } = await opened.listen();
    const streams = [];
    for (const subject of ['alice', 'bob']) {
      opened.identityProvider.person = { ...opened.identityProvider.person, subject };
      const { accessToken } = await signIn(opened.asking(resourceAt('red')));
      const headers = { host: 'red.mcp.test' };
      const call = { method: 'GET', target: '/mcp', bearer: accessToken, headers };
      const { status, message } = await callPort(publicPort, call, () => '');
      expect(status).toBe(200);
      const events = message[Symbol.asyncIterator]();
      await events.next();
      streams.push(async () => (await events.next().catch(() => ({ done: true }))).done);
    }
    const [hasHersEnded, hasHisEnded] = streams as [() => Promise<unknown>, () => Promise<unknown>];
    return { tellMore, hasHersEnded, hasHisEnded };
  }

  it('310: rules that came with the reload, or after it, end a stream that is still there', async () => {
    const { hasHersEnded } = await listen();
    await reload((mounts) => onlyBlue(mounts));
    await reload((mounts) => onlyBlue(mounts), nobodyNamedAlice);
    expect(await hasHersEnded()).toBe(true);
  });

  it('310: rules of the mount itself end it as well', async () => {
    const { hasHersEnded } = await listen();
    await reload((mounts) => onlyBlue(mounts, nobodyNamedAlice));
    expect(await hasHersEnded()).toBe(true);
  });

  it('310: also where the host is another mount’s by now', async () => {
    const { tellMore, hasHersEnded, hasHisEnded } = await listen();
    const taken = (mounts: Mounts): Mounts =>
      mounts.flatMap((mount) =>
        mount.name === 'own'
          ? [mount, { ...mount, name: 'red', publicOrigin: 'https://red.mcp.test' }]
          : [mount],
      );
    await reload(taken, aliceAlone);
    expect(await hasHisEnded()).toBe(true);
    tellMore();
    expect(await hasHersEnded()).toBe(false);
  });

  it.each([
    ['of all mounts', aliceAlone, undefined],
    ['of the mount itself', undefined, aliceAlone],
  ])('310: rules %s that let somebody in end the streams of others alone', async (_whose, all, own) => {
    const { tellMore, hasHersEnded, hasHisEnded } = await listen();
    await reload((mounts) => onlyBlue(mounts, own), all);
    expect(await hasHisEnded()).toBe(true);
    tellMore();
    expect(await hasHersEnded()).toBe(false);
  });

  it('311: with the whole mount gone, and another after it, rules that keep somebody out hold', async () => {
    const { hasHersEnded } = await listen();
    await reload(others);
    await reload((mounts) => others(mounts).slice(0, 1));
    await reload(others, nobodyNamedAlice);
    expect(await hasHersEnded()).toBe(true);
  });

  it('311: with the whole mount gone, rules that let somebody in end the streams of others alone', async () => {
    const { tellMore, hasHersEnded, hasHisEnded } = await listen();
    await reload(others, aliceAlone);
    expect(await hasHisEnded()).toBe(true);
    tellMore();
    expect(await hasHersEnded()).toBe(false);
  });
});

describe.each(lanes)(
  'P. who may enter: at a mount for tokens of another issuer that is gone, on the %s',
  (_lane, env) => {
    const withoutNotes = (mounts: Mounts): Mounts => mounts.filter(({ name }) => name !== 'notes');
    /** The mount takes tokens of ours from now on. */
    const ours = (mounts: Mounts): Mounts =>
      mounts.map((mount) => (mount.name === 'notes' ? { ...mount, accepts: undefined } : mount));

    it.each([
      ['gone', withoutNotes],
      ['gone', withoutNotes, asked({ groups: { any: ['staff'], all: [], none: [] } })],
      ['one for tokens of ours', ours],
    ])('311: its clients are judged, also when it is %s', async (_what, change, given?: EntrySettings) => {
      const opened = await startForeignHouse({ env });
      house = opened;
      stream(opened.upstream);
      const token = opened.issue({ sub: 'bot', client_id: 'bot', email: undefined, groups: ['evil'] });
      const { status, message } = await callPort(
        opened.port,
        { method: 'GET', target: '/notes', bearer: token },
        () => '',
      );
      expect(status).toBe(200);
      const events = message[Symbol.asyncIterator]();
      await events.next();
      await reload(change);
      await reload(change, given ?? asked({ groups: { any: [], all: [], none: ['evil'] } }));
      const rest = await events.next().catch(() => ({ done: true }));
      expect(rest.done).toBe(true);
    });
  },
);
