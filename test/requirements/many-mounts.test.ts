import { afterEach, describe, expect, it } from 'vitest';

import { startAnsweringUpstream } from '../support/answering-upstream.ts';
import { authorizeUrl, registerClient, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const wellKnown = '/.well-known/oauth-protected-resource';
const files = 'https://gatehouse.test/files/mcp';
const notes = 'https://gatehouse.test/notes/mcp';
const search = 'https://search.example/mcp';
let gatehouse: TestGatehouse;
const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Two mounts at the issuer and one at a host of its own. */
async function open(byDefault?: 'files'): Promise<{ readonly calls: readonly unknown[] }> {
  const upstream = await startAnsweringUpstream();
  const mount = (name: string, url: string) => ({ name, url, upstream: upstream.url });
  const mounts = [
    { ...mount('files', files), ...(byDefault === 'files' ? { default: true } : {}) },
    mount('notes', notes),
    mount('search', search),
  ];
  gatehouse = await createTestGatehouse({ file: JSON.stringify({ mounts }) });
  closers.push(
    () => gatehouse.close(),
    () => upstream.close(),
  );
  return upstream;
}

function call(resource: string, token: string): Promise<Response> {
  return gatehouse.fetch(resource, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
}

async function resourceAt(url: string): Promise<unknown> {
  const answer = await gatehouse.fetch(url);
  const { resource } = (await answer.json()) as { resource?: string };
  return [answer.status, resource];
}

describe('A, E, J. several resources behind one issuer', () => {
  it('5, 7: each has metadata of its own, which names it and the one issuer', async () => {
    await open();
    for (const resource of [files, notes, search]) {
      const { origin, pathname } = new URL(resource);
      const answer = await gatehouse.fetch(`${origin}${wellKnown}${pathname}`);
      expect(await answer.json()).toMatchObject({
        resource,
        authorization_servers: ['https://gatehouse.test'],
      });
    }
    expect(await resourceAt(`https://gatehouse.test${wellKnown}/mcp`)).toEqual([404, undefined]);
    expect(await resourceAt(`https://search.example${wellKnown}/files/mcp`)).toEqual([404, undefined]);
  });

  it('6: the root document is that of the default one, or of the only one of a host, or a 404', async () => {
    await open();
    expect(await resourceAt(`https://gatehouse.test${wellKnown}`)).toEqual([404, undefined]);
    expect(await resourceAt(`https://search.example${wellKnown}`)).toEqual([200, search]);
    await open('files');
    expect(await resourceAt(`https://gatehouse.test${wellKnown}`)).toEqual([200, files]);
  });

  it('75: a request that names none is for the default one, and invalid_target without one', async () => {
    await open('files');
    const tokens = await signIn(gatehouse, { overrides: { resource: undefined } });
    expect((await call(files, tokens.accessToken)).status).toBe(200);
    expect((await call(notes, tokens.accessToken)).status).toBe(401);

    await open();
    const client = await registerClient(gatehouse);
    for (const resource of [undefined, 'https://gatehouse.test/mcp', `${files}/x`, `${files}#x`]) {
      const refused = await gatehouse.fetch(authorizeUrl(gatehouse, client, { resource }));
      const location = new URL(refused.headers.get('location') ?? 'none:');
      expect([resource, location.searchParams.get('error')]).toEqual([resource, 'invalid_target']);
    }
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  });

  it('126: a token is good for its own resource and a 401 at every other, which hears nothing', async () => {
    const upstream = await open();
    const all = [files, notes, search];
    for (const own of all) {
      const { accessToken } = await signIn(gatehouse, { overrides: { resource: own } });
      for (const resource of all) {
        const before = upstream.calls.length;
        const answer = await call(resource, accessToken);
        expect([own, resource, answer.status]).toEqual([own, resource, resource === own ? 200 : 401]);
        expect(upstream.calls.length - before).toBe(resource === own ? 1 : 0);
        if (resource === own) continue;
        const { origin, pathname } = new URL(resource);
        const challenge = answer.headers.get('www-authenticate');
        expect(challenge).toContain('error="invalid_token"');
        expect(challenge).toContain(`resource_metadata="${origin}${wellKnown}${pathname}"`);
      }
    }
  });
});
