import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { MountConfig } from '../../src/gateway/config/config.ts';
import { everybody } from '../../src/services/entry/entry-rules.ts';
import { postForm, refresh, signIn } from '../support/flow.ts';
import { atLeastOne, type MountedHouse, resourceOf, startMountedHouse } from '../support/mounted-house.ts';
import { type RecordedRequest, replyJson } from '../support/recording-upstream.ts';

let house: MountedHouse;

beforeEach(async () => {
  house = await startMountedHouse();
});

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
});

/** Goes over to these mounts. */
function reload(change: (mount: MountConfig) => readonly MountConfig[]): Promise<void> {
  const mounts = atLeastOne(house.config.mounts.flatMap(change));
  return house.gateway.reload({ ...house.config, mounts });
}

const without =
  (name: string) =>
  (mount: MountConfig): readonly MountConfig[] =>
    mount.name === name ? [] : [mount];

interface OpenStream {
  /** What came since the last time. */
  next(): Promise<string>;
  readonly upstream: RecordedRequest;
}

/** A stream of events from the wiki. Its upstream says something when told to. */
async function openStream(accessToken: string): Promise<OpenStream> {
  house.upstreams.wiki.answer = (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
  };
  const at = house.upstreams.wiki.requests.length;
  const { status, body } = await house.call(resourceOf.wiki, accessToken, { method: 'GET', body: null });
  if (status !== 200 || body === null) throw new Error(`no stream: ${status}`);
  const reader = body.getReader();
  const next = async (): Promise<string> => {
    const { done, value } = await reader.read();
    return done ? 'end' : Buffer.from(value as Uint8Array).toString();
  };
  expect(await next()).toBe('data: first\n\n');
  return { next, upstream: await house.upstreams.wiki.request(at) };
}

describe('a reload of the mounts', () => {
  it('keeps a mount that is as it was, with its streams and connections', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);
    const connections = house.upstreams.wiki.openConnections;

    await reload((mount) => [{ ...mount, title: mount.name === 'notes' ? 'Other notes' : mount.title }]);

    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
    expect(house.upstreams.wiki.openConnections).toBe(connections);
    expect(house.logged()).toContain('"kept":["wiki","files"],"opened":["notes"],"retired":["notes"]');
  });

  it('says of which mounts it changed policy, entry rules or labels, and of no others', async () => {
    await house.fetch('/.well-known/oauth-authorization-server');
    const staff = { ...everybody, groups: { ...everybody.groups, any: ['staff'] } };
    await reload((mount) => [
      mount.name === 'wiki' ? { ...mount, policy: { otherwise: 'deny', rules: [] } } : mount,
    ]);
    expect(house.logged()).toContain('"retired":[],"policy_changed":["wiki"]');
    await reload((mount) => [{ ...mount, entry: { rules: staff, contact: undefined } }]);
    const last = house.logged().split('mounts_replaced').at(-2);
    expect(last).toContain('"retired":[],"policy_changed":["wiki"],"entry_changed":["notes","wiki","files"]');
    await reload((mount) => [{ ...mount, entry: { rules: staff, contact: undefined } }]);
    expect(house.logged().split('mounts_replaced').at(-2)).not.toContain('_changed');
  });

  it('keeps mounts of which another is the default one now', async () => {
    const { accessToken: before } = await signIn(house.asking(undefined));
    expect((await house.call(resourceOf.notes, before)).status).toBe(200);
    await reload((mount) => [{ ...mount, isDefault: mount.name === 'wiki' }]);

    expect(house.logged()).toContain('"kept":["notes","wiki","files"],"opened":[],"retired":[]');
    const root = await house.fetch('/.well-known/oauth-protected-resource');
    expect(await root.json()).toMatchObject({ resource: resourceOf.wiki });
    const { accessToken } = await signIn(house.asking(undefined));
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);

    await reload((mount) => [{ ...mount, isDefault: false }]);
    expect((await house.fetch('/.well-known/oauth-protected-resource')).status).toBe(404);
  });

  it('gives a mount another policy for the next call, and cuts nothing', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);
    const connections = house.upstreams.wiki.openConnections;
    house.upstreams.wiki.answer = replyJson({ jsonrpc: '2.0', id: 1, result: {} });
    const ask = async (): Promise<number> => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}';
      return (await house.call(resourceOf.wiki, accessToken, { body })).status;
    };
    const withPolicy =
      (policy: MountConfig['policy']) =>
      (mount: MountConfig): readonly MountConfig[] => [{ ...mount, policy }];

    expect(await ask()).toBe(200);
    await reload(withPolicy({ otherwise: 'deny', rules: [] }));
    expect(await ask()).toBe(403);
    await reload(withPolicy({ otherwise: 'allow', rules: [] }));
    expect(await ask()).toBe(200);
    await reload(withPolicy(undefined));
    expect(await ask()).toBe(200);

    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
    expect(house.upstreams.wiki.openConnections).toBeGreaterThanOrEqual(connections);
    expect(house.logged()).not.toContain('"retired":["wiki"]');
  });

  it('shows lists by the rules of now, also in a stream of a mount that is another now', async () => {
    const withRules = (otherwise: 'allow' | 'deny', title: string): Promise<void> =>
      reload((mount) => [{ ...mount, title, policy: { otherwise, rules: [] } }]);
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    await withRules('allow', 'One');
    const stream = await openStream(accessToken);
    const list = '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"a"}]}}';
    stream.upstream.socket.write(`data: ${list}\n\n`);
    expect(await stream.next()).toContain(list);

    await withRules('deny', 'Two');
    stream.upstream.socket.write(`data: ${list}\n\n`);
    expect(await stream.next()).toContain('"tools":[]');
    await reload((mount) => [{ ...mount, title: 'Three', policy: { otherwise: 'allow', rules: [] } }]);
    stream.upstream.socket.write(`data: ${list}\n\n`);
    expect(await stream.next()).toContain(list);
  });

  it('lets the calls of a mount that is gone end by themselves, and takes no new one', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);

    await reload(without('wiki'));

    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(404);
    expect((await house.fetch('/.well-known/oauth-protected-resource/wiki')).status).toBe(404);
    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
    stream.upstream.socket.end();
    expect(await stream.next()).toBe('end');
    await stream.upstream.closed;
  });

  it('ends a stream of a mount that is gone when its grant is revoked', async () => {
    const { accessToken, refreshToken, client } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);
    await reload(without('wiki'));

    const form = { token: refreshToken, client_id: client.clientId };
    expect((await postForm(house, '/revoke', form)).status).toBe(200);

    expect(await stream.next()).toBe('end');
    await stream.upstream.closed;
  });

  it('ends the streams of a mount that is gone when the house is closed', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);
    await reload(without('wiki'));

    const closing = house.gateway.close(5);
    expect(await stream.next()).toMatch(/^retry: \d+\n\n$|^end$/);
    await stream.upstream.closed;
    await closing;
  });

  it('brings calls of a mount that changed to its new upstream', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const { origin } = house.upstreams.files;

    await reload((mount) => [
      mount.name === 'wiki' ? { ...mount, upstream: { ...mount.upstream, origin } } : mount,
    ]);

    expect(await (await house.call(resourceOf.wiki, accessToken)).json()).toEqual({ name: 'files' });
  });

  it('serves a mount that is new, and who signs in for it', async () => {
    const resource = 'https://more.test/mcp';
    expect((await house.call(resourceOf.files)).status).toBe(401);

    await reload((mount) =>
      mount.name === 'files'
        ? [mount, { ...mount, name: 'more', publicOrigin: 'https://more.test' }]
        : [mount],
    );

    const { accessToken } = await signIn(house.asking(resource));
    const { publicPort } = await house.listen();
    const { callPort } = await import('../support/mount-client.ts');
    const answer = await callPort(
      publicPort,
      { headers: { host: 'more.test' }, body: '{}' },
      () => accessToken,
    );
    expect(await answer.json()).toEqual({ name: 'files' });
  });

  it('tells the clients of a mount that is gone to begin again, and forgets nothing should it return', async () => {
    const { accessToken, refreshToken, client } = await signIn(house.asking(resourceOf.wiki));
    await reload(without('wiki'));

    for (const resource of [undefined, resourceOf.wiki]) {
      const refused = await postForm(house, '/token', {
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: client.clientId,
        ...(resource === undefined ? {} : { resource }),
      });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    }
    await reload((mount) => [mount]);

    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);
    expect((await refresh(house, client.clientId, refreshToken)).status).toBe(200);
  });

  it('that cannot be opened leaves everything as it was', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    const stream = await openStream(accessToken);

    const attempt = reload((mount) => {
      if (mount.name === 'notes') return [];
      if (mount.name === 'wiki') return [{ ...mount, title: 'Another' }];
      const tls = { caFile: '/nowhere/ca.pem', certificate: undefined };
      return [{ ...mount, upstream: { ...mount.upstream, tls } }];
    });
    await expect(attempt).rejects.toMatchObject({ name: 'PemFileError' });

    const { accessToken: other } = await signIn(house.asking(resourceOf.notes));
    expect((await house.call(resourceOf.notes, other)).status).toBe(200);
    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
    expect(house.logged()).not.toContain('mounts_replaced');
  });
});
