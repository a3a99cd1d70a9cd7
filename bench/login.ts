/**
 * What one person's way in costs the gatehouse: discovery, registration, authorization, consent, callback with a real
 * OpenID provider, code exchange, and the first call answered by the MCP server. The gatehouse is a process of its own;
 * provider, MCP server, browser and client are in this one and not counted.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { callMount, startAnsweringUpstream } from '../test/support/answering-upstream.ts';
import { freePort } from '../test/support/free-port.ts';
import { LoopbackBrowser } from '../test/support/loopback-browser.ts';
import { startOpenIdProvider } from '../test/support/oidc-provider.ts';
import { times } from './effort.ts';
import { spread, type Spread } from './measure.ts';
import { type ServedProcess, startGatehouse } from './served-process.ts';

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };
const redirectUri = 'http://127.0.0.1:33333/callback';
const logins = times(40, 2);
/** The first ones warm up: the rest is what a server that has been up for a while spends. */
const warmUps = times(10, 1);
const runs = times(3, 1);

export interface LoginBench {
  /** CPU of the very first login after a start: nothing is compiled or cached yet. */
  readonly firstLoginCpuMilliseconds: Spread;
  readonly laterLoginCpuMilliseconds: Spread;
  readonly residentMegabytesAfterwards: Spread;
}

export async function benchLogin(): Promise<LoginBench> {
  const first: number[] = [];
  const later: number[] = [];
  const resident: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const costs = await measureLogins((server) => resident.push(server.residentMegabytes()));
    first.push(costs[0] ?? Number.NaN);
    later.push(...costs.slice(warmUps));
  }
  return {
    firstLoginCpuMilliseconds: spread(first, 1),
    laterLoginCpuMilliseconds: spread(later, 1),
    residentMegabytesAfterwards: spread(resident, 1),
  };
}

async function measureLogins(onEnd: (server: ServedProcess) => void): Promise<readonly number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const [port, providerPort] = [await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${port}`;
  const upstream = await startAnsweringUpstream();
  const relyingParty = { ...credentials, redirectUri: `${publicUrl}/callback` };
  const provider = await startOpenIdProvider(relyingParty, providerPort);
  const env = {
    UPSTREAM_MCP_URL: upstream.url,
    OIDC_ISSUER_URL: provider.issuer,
    STORE_PATH: join(folder, 'store.sqlite'),
  };
  const server = await startGatehouse(env, port);
  try {
    const costs: number[] = [];
    for (let login = 0; login < logins; login += 1) {
      const before = server.cpuMilliseconds();
      await logIn(publicUrl, `person-${login}`);
      costs.push(server.cpuMilliseconds() - before);
    }
    onEnd(server);
    return costs;
  } finally {
    await server.stop();
    await provider.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  }
}

/** The requests an MCP client makes from knowing nothing but the server's URL to its first result. */
async function logIn(publicUrl: string, person: string): Promise<void> {
  const resource = `${publicUrl}/mcp`;
  await mustAnswer(fetch(resource, { method: 'POST', body: '{}' }), 401);
  await mustAnswer(fetch(`${publicUrl}/.well-known/oauth-protected-resource/mcp`), 200);
  await mustAnswer(fetch(`${publicUrl}/.well-known/oauth-authorization-server`), 200);
  const registered = await mustAnswer(
    fetch(`${publicUrl}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Bench', redirect_uris: [redirectUri] }),
    }),
    201,
  );
  const { client_id: clientId } = JSON.parse(registered) as { client_id: string };
  const verifier = randomBytes(32).toString('base64url');
  const authorize = new URL('/authorize', publicUrl);
  authorize.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'bench',
    resource,
  }).toString();
  const answer = await new LoopbackBrowser({ login: person }).signIn(authorize.href, redirectUri);
  const exchanged = await mustAnswer(
    fetch(`${publicUrl}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: answer.searchParams.get('code') ?? '',
        redirect_uri: redirectUri,
        client_id: clientId,
        code_verifier: verifier,
        resource,
      }),
    }),
    200,
  );
  const { access_token: accessToken } = JSON.parse(exchanged) as { access_token: string };
  await mustAnswer(callMount({ resource, fetch }, accessToken), 200);
}

async function mustAnswer(pending: Promise<Response>, status: number): Promise<string> {
  const response = await pending;
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.url} answered ${response.status}: ${text}`);
  return text;
}
