import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { createMountPolicy } from '../../src/gateway/mount-policy.ts';
import { securityHeaders } from '../../src/gateway/security-headers.ts';
import { createHttpClient } from '../../src/platform/http1/http-client.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { createAdmissions } from '../../src/resource-server/admission/admit.ts';
import type { MountAccess } from '../../src/resource-server/proxy/exchange.ts';
import { NodeCaller } from '../../src/resource-server/proxy/node-caller.ts';
import { createForwarder } from '../../src/resource-server/proxy/forwarder.ts';
import { createLiveCalls, type LiveCalls } from '../../src/resource-server/proxy/live-calls.ts';
import { type CallRates, createMountHandler } from '../../src/resource-server/proxy/mount-handler.ts';
import { createOriginCheck } from '../../src/resource-server/proxy/origin-check.ts';
import type { GatehouseEvent } from '../../src/services/audit/events.ts';
import { createSubjectConcurrency } from '../../src/services/limits/subject-concurrency.ts';
import type { PolicyRules } from '../../src/services/policy/rule.ts';
import { sealAccessToken } from '../../src/services/tokens/access-token.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createScopeCheck } from '../../src/resource-server/proxy/scope-check.ts';
import { noScopes, type ScopeRules } from '../../src/services/resources/resource.ts';
import { FakeClock } from './fake-clock.ts';
import { type CallAnswer, type CallOptions, callPort, openRaw, type RawConnection } from './mount-client.ts';
import { describeAsResource } from './one-resource.ts';
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts';

export interface ProxiedPathOptions {
  readonly publicUrl?: string;
  readonly allowedOrigins?: readonly string[];
  readonly upstreamAuthorization?: string;
  readonly headerTimeoutSeconds?: number;
  readonly maxBodyBytes?: number;
  readonly perSubjectConcurrency?: number;
  readonly rpcPeekMaxBytes?: number;
  readonly perSubjectStreams?: number;
  readonly rates?: CallRates;
  readonly policy?: PolicyRules;
  readonly scopes?: ScopeRules;
  /** Instead of the recording upstream's. */
  readonly upstreamOrigin?: string;
}

/** The mount on a real loopback socket in front of a recording upstream. */
export interface ProxiedPath {
  readonly upstream: RecordingUpstream;
  readonly port: number;
  readonly url: string;
  readonly resource: string;
  readonly metadataUrl: string;
  readonly clock: FakeClock;
  readonly events: GatehouseEvent[];
  readonly accesses: MountAccess[];
  readonly internalErrors: unknown[];
  readonly revoked: Set<string>;
  readonly liveCalls: LiveCalls;
  /** The rules from now on. */
  replacePolicy(rules: PolicyRules | undefined): void;
  readonly server: Server;
  /** The gateway's ends of its clients' connections. */
  readonly gatewaySockets: ReadonlySet<Socket>;
  /** An access token for these terms, good for an hour. */
  issue(terms?: Partial<GrantTerms>): string;
  seal: ReturnType<typeof createSealer>;
  terms: GrantTerms;
  /** A call by node:http; resolves when the head of the answer is there. */
  call(options?: CallOptions): Promise<CallAnswer>;
  /** A connection of its own, to send any bytes. */
  connect(): RawConnection;
  /** Resolves when so many calls have been reported. */
  reported(count: number): Promise<void>;
  close(): Promise<void>;
}

const mount = '/mcp';

export async function startProxiedPath(options: ProxiedPathOptions = {}): Promise<ProxiedPath> {
  const upstream = await startRecordingUpstream();
  const publicUrl = options.publicUrl ?? 'https://gatehouse.test';
  const resource = publicUrl + mount;
  const metadataUrl = `${publicUrl}/.well-known/oauth-protected-resource${mount}`;
  const protectedResource = {
    ...describeAsResource(resource),
    scopes: options.scopes ?? noScopes,
  };
  const clock = new FakeClock();
  const events: GatehouseEvent[] = [];
  const accesses: MountAccess[] = [];
  const internalErrors: unknown[] = [];
  const revoked = new Set<string>();
  const seal = createSealer({
    secrets: ['0123456789abcdefghijklmnopqrstuvwxyz'],
    context: publicUrl,
    random: systemRandom,
  });
  const admission = createAdmissions({
    sealer: seal,
    clock,
    revocations: { judge: ({ grantId }) => revoked.has(grantId) },
    revokeBefore: undefined,
  }).forResource(protectedResource);
  const maxBodyBytes = options.maxBodyBytes ?? 16 * 1024 * 1024;
  const origin = options.upstreamOrigin ?? upstream.origin;
  const forwarder = createForwarder({
    client: createHttpClient({
      origin: new URL(origin),
      connectTimeoutMs: 10_000,
      headerTimeoutMs: (options.headerTimeoutSeconds ?? 20) * 1000,
    }),
    upstream: { origin, path: mount, authorization: options.upstreamAuthorization, maxBodyBytes },
  });
  const liveCalls = createLiveCalls({
    recheck: admission.recheck,
    nowSeconds: () => clock.nowSeconds(),
    random: systemRandom,
  });
  let wake = (): void => undefined;
  const scopeCheck = createScopeCheck(protectedResource);
  const policy = createMountPolicy(options.policy, {
    mount: { name: 'files', path: mount },
    scopes: protectedResource.scopes,
    identityIssuer: 'https://idp.test',
    scopeCheck,
    emit: (event) => events.push(event),
  });
  const handle = createMountHandler({
    mount,
    maxBodyBytes,
    rpcPeekMaxBytes: options.rpcPeekMaxBytes ?? 65_536,
    commonHeaders: Object.entries(securityHeaders(publicUrl)).flat(),
    originCheck: createOriginCheck({ publicUrl, allowedOrigins: options.allowedOrigins ?? [] }),
    admission,
    scopeCheck,
    findJudge: () => policy.findJudge(),
    subjectConcurrency: createSubjectConcurrency(options.perSubjectConcurrency ?? 16),
    subjectStreams: createSubjectConcurrency(options.perSubjectStreams ?? 64),
    rates: options.rates,
    forwarder,
    liveCalls,
    emit: (event) => events.push(event),
    report: (access) => {
      accesses.push(access);
      wake();
    },
    onInternalError: (error) => internalErrors.push(error),
  });
  let requestNumber = 0;
  const server = createServer((request, response) => {
    requestNumber += 1;
    const caller = new NodeCaller(request, response, () => false);
    caller.listen(handle(caller, { requestId: `request-${requestNumber}`, clientAddress: '192.0.2.1' }));
  });
  const gatewaySockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    gatewaySockets.add(socket);
    socket.once('close', () => gatewaySockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const now = clock.nowSeconds();
  const terms: GrantTerms = {
    grantId: 'grant-1',
    identityIssuer: 'https://idp.test',
    subject: 'alice',
    email: 'alice@example.com',
    name: 'Alice',
    groups: ['staff', 'admins'],
    client: 'fingerprint' as GrantTerms['client'],
    resource,
    scope: [],
    grantedAt: now,
    absoluteEnd: now + 1_000_000,
  };
  const issue = (changes: Partial<GrantTerms> = {}): string =>
    sealAccessToken(seal, { terms: { ...terms, ...changes }, issuedAt: now, expiresAt: now + 3600 });
  const sockets = new Set<Socket>();

  return {
    upstream,
    port,
    url: `http://127.0.0.1:${port}${mount}`,
    resource,
    metadataUrl,
    clock,
    events,
    accesses,
    internalErrors,
    revoked,
    liveCalls,
    replacePolicy: (rules) => policy.replace(rules),
    server,
    gatewaySockets,
    seal,
    terms,
    issue,
    call: (call = {}) => callPort(port, call, issue),
    connect() {
      const connection = openRaw(port);
      sockets.add(connection.socket);
      return connection;
    },
    async reported(count) {
      while (accesses.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async close() {
      liveCalls.close();
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      forwarder.close();
      await upstream.close();
    },
  };
}
