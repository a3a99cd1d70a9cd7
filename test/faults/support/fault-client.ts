import { Agent, request } from 'undici';

import { Browser, type BrowserTarget } from '../../support/browser.ts';
import {
  authorizeUrl,
  createPkce,
  decide,
  defaultRedirectUri,
  registerClient,
  type TestClient,
} from '../../support/flow.ts';
import type { TestOpenIdProvider } from '../../support/openid-provider.ts';
import type { Answer, Operation, Result } from './history.ts';
import { digest, type Recorder } from './recorder.ts';

export const publicUrl = 'https://gatehouse.test';
const resource = `${publicUrl}/mcp`;
/** Longer than the server may take in any weather: whoever runs into it was left hanging. */
const patienceMilliseconds = 20_000;

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const json = { 'content-type': 'application/json' };
const callAccepts = 'application/json, text/event-stream';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Where requests go. */
export interface Replica {
  readonly index: number;
  readonly origin: string;
}

/** One person at one client. Each has an address of its own, so that no limit is met by accident. */
export interface Session {
  readonly name: string;
  readonly address: string;
  readonly client: TestClient;
  code: string;
  verifier: string;
  accessToken: string;
  refreshToken: string;
}

/** An answer, and the tokens that were in it. */
export interface Reply {
  readonly answer: Answer;
  readonly tokens: { readonly accessToken: string; readonly refreshToken: string } | undefined;
}

/** A client that records every answer. It sends to the replica it is told to, under the public name of all. */
export interface FaultClient {
  /** Registers, authorizes, consents and logs in: a session whose code is not redeemed. Throws when refused. */
  obtainCode(replica: Replica): Promise<Session>;
  /** The whole way in. */
  signIn(replica: Replica): Promise<Session>;
  /** Redeems the session's code; on success the session has the tokens. */
  redeem(replica: Replica, session: Session): Promise<Reply>;
  /** Refreshes with `token`, by default the session's; on success the session has the new ones. */
  refresh(replica: Replica, session: Session, token?: string): Promise<Reply>;
  /** As `refresh`, for a thief: the session keeps what it has. */
  steal(replica: Replica, session: Session, token: string): Promise<Reply>;
  /** A call of the MCP server with the session's access token. */
  call(replica: Replica, session: Session, accessToken?: string): Promise<Answer>;
  /** Gives the session back (RFC 7009). */
  revoke(replica: Replica, session: Session): Promise<Answer>;
  /** A registration and nothing else; with the client id when it was acknowledged. */
  register(replica: Replica, name: string): Promise<{ answer: Answer; clientId: string | undefined }>;
  /** Whether a registered client is still known: its authorization request is answered with a page to consent on. */
  isKnown(replica: Replica, clientId: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface FaultClientDeps {
  readonly provider: TestOpenIdProvider;
  readonly recorder: Recorder;
}

export function createFaultClient({ provider, recorder }: FaultClientDeps): FaultClient {
  const dispatcher = new Agent({ keepAliveTimeout: 2_000, connections: 256 });
  let sessions = 0;
  let logins = Promise.resolve();

  async function obtainCode(replica: Replica): Promise<Session> {
    sessions += 1;
    const name = `s${sessions}`;
    const address = addressOf(sessions);
    const target = createTarget(replica, address);
    const client = await registerClient(target);
    const { verifier, challenge } = createPkce();
    const browser = new Browser(target);
    const page = await browser.get(
      authorizeUrl({ publicUrl, resource }, client, { code_challenge: challenge }),
    );
    if (page.status !== 200) throw new Error(`authorize answered ${page.status}`);
    const login = new URL(await decide(browser, page));
    const session = { name, address, client, code: '', verifier, accessToken: '', refreshToken: '' };
    const answer = await recorder.ask(
      { operation: 'authorize', session: name, replica: replica.index, presented: login.href },
      () => logIn(browser, login, session),
    );
    if (answer.result.outcome !== 'success') throw new Error(`callback: ${JSON.stringify(answer.result)}`);
    return session;
  }

  /** One after the other: the provider knows one person at a time. */
  async function logIn(browser: Browser, login: URL, session: Session): Promise<Result> {
    const before = logins;
    let done = (): void => undefined;
    logins = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      provider.person = { sub: session.name, email: `${session.name}@example.com`, email_verified: true };
      const query = await provider.logIn(login);
      const response = await browser.get(`/callback?${query.toString()}`);
      const location = response.headers.get('location');
      await response.body?.cancel();
      session.code = new URL(location ?? publicUrl).searchParams.get('code') ?? '';
      if (session.code !== '') return { outcome: 'success' };
      return { outcome: 'refused', status: response.status };
    } finally {
      done();
    }
  }

  async function post(
    replica: Replica,
    path: string,
    address: string,
    { headers, body }: { readonly headers: Record<string, string>; readonly body: string },
  ): Promise<{ statusCode: number; headers: Headers; text: string }> {
    const response = await request(`${replica.origin}${path}`, {
      method: 'POST',
      headers: { ...headers, 'x-forwarded-for': address },
      body,
      dispatcher,
      signal: AbortSignal.timeout(patienceMilliseconds),
    });
    return {
      statusCode: response.statusCode,
      headers: response.headers,
      text: await response.body.text(),
    };
  }

  async function askToken(
    operation: Operation,
    replica: Replica,
    session: Session,
    presented: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<Reply> {
    let tokens: Reply['tokens'];
    const question = { operation, session: session.name, replica: replica.index, presented };
    const answer = await recorder.ask(question, async () => {
      const { statusCode, headers, text } = await post(replica, '/token', session.address, {
        headers: form,
        body: new URLSearchParams({ ...fields, client_id: session.client.clientId }).toString(),
      });
      if (statusCode !== 200) return readRefusal(statusCode, headers, text);
      const body = JSON.parse(text) as { access_token: string; refresh_token: string };
      tokens = { accessToken: body.access_token, refreshToken: body.refresh_token };
      return { outcome: 'success', successor: digest(body.refresh_token) };
    });
    return { answer, tokens };
  }

  async function redeem(replica: Replica, session: Session): Promise<Reply> {
    const reply = await askToken('redeem', replica, session, session.code, {
      grant_type: 'authorization_code',
      code: session.code,
      redirect_uri: session.client.redirectUri,
      code_verifier: session.verifier,
    });
    Object.assign(session, reply.tokens);
    return reply;
  }

  async function steal(replica: Replica, session: Session, token: string): Promise<Reply> {
    const fields = { grant_type: 'refresh_token', refresh_token: token };
    return askToken('refresh', replica, session, token, fields);
  }

  return {
    obtainCode,
    redeem,
    steal,
    async signIn(replica) {
      const session = await obtainCode(replica);
      const { answer } = await redeem(replica, session);
      if (answer.result.outcome !== 'success') throw new Error(`token: ${JSON.stringify(answer.result)}`);
      return session;
    },
    async refresh(replica, session, token = session.refreshToken) {
      const reply = await steal(replica, session, token);
      Object.assign(session, reply.tokens);
      return reply;
    },
    async call(replica, session, accessToken = session.accessToken) {
      const question = { session: session.name, replica: replica.index, presented: accessToken };
      return recorder.ask({ operation: 'call', ...question }, async () => {
        const { statusCode, headers, text } = await post(replica, '/mcp', session.address, {
          headers: { ...json, authorization: `Bearer ${accessToken}`, accept: callAccepts },
          body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
        });
        return statusCode === 200 ? { outcome: 'success' } : readRefusal(statusCode, headers, text);
      });
    },
    async revoke(replica, session) {
      const question = { session: session.name, replica: replica.index, presented: session.refreshToken };
      return recorder.ask({ operation: 'revoke', ...question }, async () => {
        const fields = { token: session.refreshToken, client_id: session.client.clientId };
        const { statusCode, headers, text } = await post(replica, '/revoke', session.address, {
          headers: form,
          body: new URLSearchParams(fields).toString(),
        });
        return statusCode === 200 ? { outcome: 'success' } : readRefusal(statusCode, headers, text);
      });
    },
    async register(replica, name) {
      sessions += 1;
      const address = addressOf(sessions);
      let clientId: string | undefined;
      const question = { operation: 'register', session: name, replica: replica.index } as const;
      const answer = await recorder.ask({ ...question, presented: name }, async () => {
        const { statusCode, headers, text } = await post(replica, '/register', address, {
          headers: json,
          body: JSON.stringify({ client_name: name, redirect_uris: [defaultRedirectUri] }),
        });
        if (statusCode !== 201) return readRefusal(statusCode, headers, text);
        clientId = (JSON.parse(text) as { client_id: string }).client_id;
        return { outcome: 'success' };
      });
      return { answer, clientId };
    },
    async isKnown(replica, clientId) {
      sessions += 1;
      const client = { clientId, redirectUri: defaultRedirectUri };
      const url = authorizeUrl({ publicUrl, resource }, client);
      const response = await new Browser(createTarget(replica, addressOf(sessions))).get(url);
      return response.status === 200 && (await response.text()).includes('consent_token');
    },
    close: () => dispatcher.destroy(),
  };
}

function createTarget(replica: Replica, address: string): BrowserTarget {
  return {
    publicUrl,
    fetch(pathOrUrl, init) {
      const { pathname, search } = new URL(pathOrUrl, publicUrl);
      const headers = new globalThis.Headers(init?.headers);
      headers.set('X-Forwarded-For', address);
      return fetch(`${replica.origin}${pathname}${search}`, { redirect: 'manual', ...init, headers });
    },
  };
}

/** Out of 10.0.0.0/8. */
export function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}

function readRefusal(status: number, headers: Headers, text: string): Result {
  const body = parseBody(text);
  const member = (name: string, value: unknown): Record<string, string> =>
    typeof value === 'string' ? { [name]: value } : {};
  return {
    outcome: 'refused',
    status,
    ...member('error', body['error']),
    ...member('errorCode', body['error_code']),
    ...member('contentType', headers['content-type']),
    ...member('retryAfter', headers['retry-after']),
  };
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
