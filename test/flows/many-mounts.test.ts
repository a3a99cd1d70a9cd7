import { createHash } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { lanes } from '../support/attacked-house.ts';
import { authorizeUrl, postForm, refresh, registerClient, signIn } from '../support/flow.ts';
import {
  type MountedHouse,
  type MountName,
  resourceOf,
  startMountedHouse,
} from '../support/mounted-house.ts';

const names: readonly MountName[] = ['notes', 'wiki', 'files'];
const metadataOf: Readonly<Record<MountName, string>> = {
  notes: 'https://gatehouse.test/.well-known/oauth-protected-resource/notes/mcp',
  wiki: 'https://gatehouse.test/.well-known/oauth-protected-resource/wiki',
  files: 'https://files.test/.well-known/oauth-protected-resource/mcp',
};

let house: MountedHouse;

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
});

describe.each(lanes)('several mounts, on the %s', (_lane, env) => {
  it.each(names)('let a client in that signed in for %s, and nowhere else', async (name) => {
    house = await startMountedHouse({ env });
    const { accessToken } = await signIn(house.asking(resourceOf[name]));

    const answer = await house.call(resourceOf[name], accessToken);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ name });
    for (const other of names.filter((each) => each !== name)) {
      const refused = await house.call(resourceOf[other], accessToken);
      expect(refused.status).toBe(401);
      const challenge = refused.headers.get('www-authenticate');
      expect(challenge).toContain('error="invalid_token"');
      expect(challenge).toContain(`resource_metadata="${metadataOf[other]}"`);
      expect(house.upstreams[other].requests).toEqual([]);
    }
    // Being refused elsewhere costs nothing at home.
    expect((await house.call(resourceOf[name], accessToken)).status).toBe(200);
  });

  it('send each call to the path of its own upstream, with what follows the mount', async () => {
    house = await startMountedHouse({ env });
    const { accessToken } = await signIn(house.asking(resourceOf.notes));

    for (const rest of ['', '/deep/er?x=1', '?x=1']) {
      expect((await house.call(`${resourceOf.notes}${rest}`, accessToken)).status).toBe(200);
    }
    expect(house.upstreams.notes.requests.map(({ target }) => target)).toEqual([
      '/mcp',
      '/mcp/deep/er?x=1',
      '/mcp?x=1',
    ]);
  });

  it('challenge a call without a token with the metadata of the mount', async () => {
    house = await startMountedHouse({ env });

    for (const name of names) {
      const answer = await house.call(resourceOf[name]);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain(`resource_metadata="${metadataOf[name]}"`);
    }
  });

  it('each have a say of their own about headers, credential, size and origins', async () => {
    house = await startMountedHouse({
      env,
      change: ([notes, wiki, ...others]) => [
        notes!,
        {
          ...wiki!,
          allowedOrigins: ['https://app.test'],
          headers: { forward: ['x-tenant'], set: [['x-team', 'wiki']], drop: [], identity: false },
          upstream: { ...wiki!.upstream, authorization: 'Basic wiki', maxBodyBytes: 10 },
        },
        ...others,
      ],
    });
    const at = {
      notes: (await signIn(house.asking(resourceOf.notes))).accessToken,
      wiki: (await signIn(house.asking(resourceOf.wiki))).accessToken,
    };
    const headers = { 'x-tenant': 'a', origin: 'https://app.test' };

    expect((await house.call(resourceOf.wiki, at.wiki, { headers })).status).toBe(200);
    expect((await house.call(resourceOf.notes, at.notes, { headers })).status).toBe(403);
    expect((await house.call(resourceOf.notes, at.notes, { headers: { 'x-tenant': 'a' } })).status).toBe(200);
    expect((await house.call(resourceOf.wiki, at.wiki, { body: '{"more": 12}' })).status).toBe(413);
    const [toWiki] = house.upstreams.wiki.requests;
    const [toNotes] = house.upstreams.notes.requests;
    expect(toWiki?.header('x-tenant')).toEqual(['a']);
    expect(toWiki?.header('x-team')).toEqual(['wiki']);
    expect(toWiki?.header('authorization')).toEqual(['Basic wiki']);
    expect(toWiki?.header('x-user-sub')).toEqual([]);
    expect(toNotes?.header('x-tenant')).toEqual([]);
    expect(toNotes?.header('authorization')).toEqual([]);
    expect(toNotes?.header('x-user-sub')).toHaveLength(1);
  });

  it('count the calls of one person together', async () => {
    house = await startMountedHouse({ env: { ...env, MCP_PER_SUBJECT_CONCURRENCY: '1' } });
    const notes = await signIn(house.asking(resourceOf.notes));
    const wiki = await signIn(house.asking(resourceOf.wiki));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const usual = house.upstreams.notes.answer;
    house.upstreams.notes.answer = async (request, socket) => {
      await held;
      await usual(request, socket);
    };

    const first = house.call(resourceOf.notes, notes.accessToken);
    await house.upstreams.notes.request(0);
    expect((await house.call(resourceOf.wiki, wiki.accessToken)).status).toBe(503);
    release();
    expect((await first).status).toBe(200);
  });

  it('are named in the log, in metrics and in failures', async () => {
    house = await startMountedHouse({ env });
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    house.upstreams.wiki.answer = (_, socket) => {
      socket.destroy();
    };

    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(502);
    expect(house.events).toContainEqual({ type: 'upstream_failed', kind: 'reset', mount: 'wiki' });
    expect(house.logged()).toMatch(/"path":"\/wiki","status":502,.*"mount":"wiki"/);
    const { metricsPort } = await house.listen();
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('gatehouse_mount_requests_total{mount="wiki",status="5xx"} 1');
  });
});

describe('the resource of an authorization request, among several', () => {
  it.each([
    ['notes', 'Notes of the team'],
    ['wiki', 'The wiki'],
    ['files', resourceOf.files],
  ] as const)('is %s, and the consent page says so', async (name, title) => {
    house = await startMountedHouse();
    const client = await registerClient(house);

    const page = await new Browser(house).get(authorizeUrl(house.asking(resourceOf[name]), client));
    const html = await page.text();
    expect(html).toContain(`Allow access to <bdi>${title}</bdi>?`);
    expect(html).toContain(`<code>${resourceOf[name]}</code>`);
  });

  it.each([undefined, 'https://gatehouse.test', 'https://gatehouse.test/'])(
    'is the default one when it is %s',
    async (resource) => {
      house = await startMountedHouse();
      const { accessToken } = await signIn(house.asking(resource));

      expect((await house.call(resourceOf.notes, accessToken)).status).toBe(200);
      expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(401);
    },
  );

  it.each([undefined, 'https://gatehouse.test', 'https://files.test', 'https://gatehouse.test/mcp'])(
    'is invalid when it is %s and there is no default one',
    async (resource) => {
      house = await startMountedHouse({
        change: (mounts) => mounts.map((mount) => ({ ...mount, isDefault: false })),
      });
      const client = await registerClient(house);

      const answer = await house.fetch(authorizeUrl(house.asking(resource), client));
      const location = new URL(answer.headers.get('location') ?? '');
      expect(location.searchParams.get('error')).toBe('invalid_target');
      expect(house.events.at(-1)).toMatchObject({
        type: 'request_refused',
        endpoint: 'authorize',
        reason: 'resource_mismatch',
      });
    },
  );

  it('stays that of the grant through code and refresh', async () => {
    house = await startMountedHouse();
    const { client, refreshToken } = await signIn(house.asking(resourceOf.wiki));

    const other = await postForm(house, '/token', {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: client.clientId,
      resource: resourceOf.files,
    });
    expect(other.status).toBe(400);
    expect(await other.json()).toMatchObject({ error: 'invalid_target' });
    const refreshed = await refresh(house, client.clientId, refreshToken);
    const { access_token: accessToken } = (await refreshed.json()) as { access_token: string };
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);
    expect((await house.call(resourceOf.notes, accessToken)).status).toBe(401);
  });
});

describe('metadata of several mounts', () => {
  it.each(names)('of %s is where its challenge says', async (name) => {
    house = await startMountedHouse();

    const answer = await house.fetch(metadataOf[name]);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      resource: resourceOf[name],
      authorization_servers: ['https://gatehouse.test'],
    });
  });

  it('has a root document of the default mount, and of the one of a host', async () => {
    house = await startMountedHouse();

    const atIssuer = await house.fetch('https://gatehouse.test/.well-known/oauth-protected-resource');
    expect(await atIssuer.json()).toMatchObject({ resource: resourceOf.notes });
    const atHost = await house.fetch('https://files.test/.well-known/oauth-protected-resource');
    expect(await atHost.json()).toMatchObject({ resource: resourceOf.files });
  });

  it('has no root document at the issuer when the default mount is not there', async () => {
    house = await startMountedHouse({
      change: (mounts) => mounts.map((mount) => ({ ...mount, isDefault: mount.name === 'files' })),
    });

    const answer = await house.fetch('https://gatehouse.test/.well-known/oauth-protected-resource');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: 'not_found' });
  });

  it('describes every token with its own resource to those who may ask', async () => {
    const secret = 'a-secret-of-a-resource-server-that-is-long';
    house = await startMountedHouse({
      env: { INTROSPECTION_CLIENTS: `rs:${createHash('sha256').update(secret).digest('hex')}` },
    });

    for (const name of names) {
      const { accessToken } = await signIn(house.asking(resourceOf[name]));
      const answer = await postForm(
        house,
        '/introspect',
        { token: accessToken },
        { authorization: `Basic ${Buffer.from(`rs:${secret}`).toString('base64')}` },
      );
      expect(await answer.json()).toMatchObject({ active: true, aud: resourceOf[name] });
    }
  });
});
