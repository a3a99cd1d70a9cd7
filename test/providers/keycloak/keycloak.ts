import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Agent, fetch as fetchThrough } from 'undici';

import { freePort } from '../../support/free-port.ts';
import { LoopbackBrowser } from '../../support/loopback-browser.ts';
import type { ForeignProvider } from '../house.ts';
import { createKeycloakAdmin, type KeycloakAdmin } from './admin.ts';
import { fetchKeycloak } from './distribution.ts';
import {
  clientId,
  clientSecret,
  describeRealm,
  password,
  type Person,
  realm,
  type RealmOptions,
} from './realm.ts';

/** A Keycloak with the realm, on loopback and in memory. */
export interface Keycloak extends ForeignProvider<Person> {
  readonly admin: KeycloakAdmin;
}

const startSeconds = 240;
const administrator = { username: 'administrator', password: 'temporary-administrator' };

export interface KeycloakOptions extends RealmOptions {
  /** Its pages and endpoints are https then, and it asks for certificates of clients. Default: http. */
  readonly tls?: KeycloakTls;
}

export interface KeycloakTls {
  /** Its own, PEM. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Who vouches for it, and for clients. */
  readonly authorityFile: string;
  readonly authority: string;
}

/** @throws Error with the end of its output when it does not start */
export async function startKeycloak(options: KeycloakOptions): Promise<Keycloak> {
  const { tls } = options;
  const home = fetchKeycloak();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const securePort = tls === undefined ? undefined : await freePort();
  const publicOrigin = securePort === undefined ? origin : `https://127.0.0.1:${securePort}`;
  const imported = join(home, 'data', 'import');
  mkdirSync(imported, { recursive: true });
  writeFileSync(join(imported, `${realm}.json`), JSON.stringify(describeRealm(options)));
  const child = spawnServer(home, [
    'start-dev',
    '--import-realm',
    '--db=dev-mem',
    '--cache=local',
    '--http-host=127.0.0.1',
    `--http-port=${port}`,
    `--hostname=${publicOrigin}`,
    ...(tls === undefined
      ? []
      : [
          `--https-port=${securePort}`,
          `--https-certificate-file=${tls.certFile}`,
          `--https-certificate-key-file=${tls.keyFile}`,
          `--https-trust-store-file=${tls.authorityFile}`,
          '--https-client-auth=request',
        ]),
  ]);
  const output = keepEnd(child);
  const issuer = `${origin}/realms/${realm}`;
  try {
    await waitFor(child, `${issuer}/.well-known/openid-configuration`);
    const admin = await createKeycloakAdmin(origin, administrator);
    return {
      env: {
        IDP: 'keycloak',
        OIDC_ISSUER_URL: '',
        KEYCLOAK_URL: publicOrigin,
        KEYCLOAK_REALM: realm,
        OIDC_CLIENT_ID: clientId,
        OIDC_CLIENT_SECRET: clientSecret,
        ALLOWED_GROUPS: '/engineering/mcp',
        ...(tls === undefined ? {} : { NODE_EXTRA_CA_CERTS: tls.authorityFile }),
      },
      admin,
      async logIn(person, url) {
        const own = tls === undefined ? {} : { fetch: fetchTrusting(tls.authority) };
        const browser = new LoopbackBrowser({ login: person, password, ...own });
        return (await browser.signIn(url.href, `${options.publicUrl}/callback`)).searchParams;
      },
      close: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw new Error(`Keycloak did not start:\n${output()}`, { cause: error });
  }
}

function fetchTrusting(ca: string): (url: URL, init: RequestInit) => Promise<Response> {
  const dispatcher = new Agent({ connect: { ca } });
  // The two packages describe the same thing apart.
  return (url, init) => fetchThrough(url, { ...init, dispatcher } as never);
}

function spawnServer(home: string, words: readonly string[]): ChildProcess {
  // A group of its own: the script starts Java as its child.
  const child = spawn('sh', [join(home, 'bin', 'kc.sh'), ...words], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password,
      JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1 -Xmx768m',
    },
  });
  process.once('exit', () => kill(child, 'SIGKILL'));
  return child;
}

/** The last part of what it prints. */
function keepEnd(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString('utf8')).slice(-8_000);
    });
  }
  return () => text;
}

async function waitFor(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + startSeconds * 1000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok === true) return;
    if (performance.now() > deadline) throw new Error(`it did not answer for ${startSeconds} s`);
    await sleep(250);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  kill(child, 'SIGTERM');
  const giveUp = setTimeout(() => kill(child, 'SIGKILL'), 20_000);
  await gone;
  clearTimeout(giveUp);
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone between the look and the kill.
  }
}
