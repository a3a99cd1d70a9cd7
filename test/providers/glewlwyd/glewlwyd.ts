import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { freePort } from '../../support/free-port.ts';
import type { ForeignProvider } from '../house.ts';
import { GlewlwydSession } from './session.ts';

export type Person = 'alice';

/** Glewlwyd, as Debian packages it: an OpenID provider written in C, with a database of its own. */
export type Glewlwyd = ForeignProvider<Person>;

const client = { clientId: 'gatehouse', clientSecret: 'the-secret-of-this-client' };
const scope = 'openid email profile';
const passwordOf = (person: string): string => `the password of ${person}`;
const schema = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz';
const modules = '/usr/lib/glewlwyd';

/** @throws Error when the package is not installed, or the server does not start */
export async function startGlewlwyd(publicUrl: string): Promise<Glewlwyd> {
  execFileSync('glewlwyd', ['--version'], { stdio: 'ignore' });
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-glewlwyd-'));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  createDatabase(join(folder, 'glewlwyd.sqlite'));
  writeFileSync(join(folder, 'glewlwyd.conf'), describeServer(folder, port));
  const child = spawn('glewlwyd', [`--config-file=${join(folder, 'glewlwyd.conf')}`], { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  const close = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(child, `${origin}/api/`);
    const administrator = new GlewlwydSession(origin);
    await administrator.logIn('admin', 'password');
    await setUp(administrator, `${origin}/api/oidc`, `${publicUrl}/callback`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    env: {
      OIDC_ISSUER_URL: `${origin}/api/oidc`,
      OIDC_CLIENT_ID: client.clientId,
      OIDC_CLIENT_SECRET: client.clientSecret,
      OIDC_SCOPES: scope,
      TRUST_UNVERIFIED_EMAIL: 'true',
    },
    async logIn(person, url) {
      const session = new GlewlwydSession(origin);
      await session.logIn(person, passwordOf(person));
      await session.call('PUT', `/auth/grant/${client.clientId}`, { scope });
      return session.authorize(url);
    },
    close,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const giveUp = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(giveUp);
}

function createDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(gunzipSync(readFileSync(schema)).toString('utf8'));
  database.close();
}

function describeServer(folder: string, port: number): string {
  return `
    port=${port}
    bind_address="127.0.0.1"
    external_url="http://127.0.0.1:${port}/"
    login_url="login.html"
    api_prefix="api"
    cookie_secure=0
    cookie_same_site="empty"
    session_expiration=3600
    session_key="GLEWLWYD2_SESSION_ID"
    admin_session_authentication="cookie"
    profile_session_authentication="cookie"
    admin_scope="g_admin"
    profile_scope="g_profile"
    log_mode="console"
    log_level="ERROR"
    user_module_path="${modules}/user"
    client_module_path="${modules}/client"
    user_auth_scheme_module_path="${modules}/scheme"
    plugin_module_path="${modules}/plugin"
    use_secure_connection=0
    hash_algorithm="SHA512"
    database = { type = "sqlite3"; path = "${join(folder, 'glewlwyd.sqlite')}"; };
  `;
}

async function setUp(administrator: GlewlwydSession, issuer: string, callback: string): Promise<void> {
  await administrator.call('POST', '/mod/plugin/', describeOpenId(issuer));
  for (const name of ['email', 'profile']) {
    await administrator.call('POST', '/scope/', {
      name,
      display_name: name,
      password_required: false,
      scheme: {},
    });
  }
  const alice = describePerson('alice');
  await administrator.call('POST', '/user/', { ...alice, password: passwordOf('alice') });
  await administrator.call('POST', '/client/', {
    client_id: client.clientId,
    client_secret: client.clientSecret,
    name: 'gatehouse',
    enabled: true,
    confidential: true,
    authorization_type: ['code', 'refresh_token'],
    token_endpoint_auth_method: ['client_secret_post', 'client_secret_basic'],
    redirect_uri: [callback],
  });
}

function describePerson(username: string): object {
  const email = `${username}@example.com`;
  return {
    username,
    name: `${username} Example`,
    email,
    enabled: true,
    scope: ['openid', 'email', 'profile'],
  };
}

function describeOpenId(issuer: string): object {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const parameters = {
    iss: issuer,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    key: privateKey,
    cert: publicKey,
    'access-token-duration': 3600,
    'refresh-token-duration': 86_400,
    'code-duration': 600,
    'refresh-token-rolling': false,
    'refresh-token-one-use': 'never',
    'auth-type-code-enabled': true,
    'auth-type-code-revoke-replayed': true,
    'auth-type-refresh-enabled': true,
    'pkce-allowed': true,
    'pkce-method-plain-allowed': false,
    'jwks-show': true,
    'oauth-as-iss-id': true,
    'subject-type': 'public',
    'address-claim': { type: 'no' },
    'name-claim': 'on-demand',
    'name-claim-scope': ['profile'],
    'email-claim': 'on-demand',
    'email-claim-scope': ['email'],
    'scope-claim': 'no',
    claims: [],
  };
  return { module: 'oidc', name: 'oidc', display_name: 'OpenID Connect', enabled: true, parameters };
}

async function waitFor(child: ChildProcess, url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`glewlwyd ended with ${child.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined) return;
    await sleep(100);
  }
  throw new Error('glewlwyd does not answer');
}
