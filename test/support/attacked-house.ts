import { systemRandom } from '../../src/platform/random.ts';
import { createSealer, type Sealer } from '../../src/platform/sealing/sealer.ts';
import { sealAccessToken } from '../../src/services/tokens/access-token.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from './gatehouse.ts';
import { type CallAnswer, type CallOptions, callPort, openRaw, type RawConnection } from './mount-client.ts';

/** Environment of one of the two ways through the house. */
export type Lane = Readonly<Record<string, string>>;

/** For `describe.each`: whoever attacks one lane attacks the other with the same bytes. */
export const lanes: readonly (readonly [name: string, lane: Lane])[] = [
  ['fast lane', {}],
  ['standard lane', { FAST_LANE: 'off' }],
];

/** A whole gatehouse on a socket of loopback, with tokens for the asking and any bytes sent to it. */
export interface AttackedHouse<Upstream> extends TestGatehouse {
  readonly upstream: Upstream;
  readonly port: number;
  readonly metadataUrl: string;
  readonly seal: Sealer;
  readonly terms: GrantTerms;
  /** What went wrong in here and was nobody else's fault; whatever comes in, there is none. */
  internalErrors(): readonly string[];
  /** An access token for these terms, good for an hour. */
  issue(terms?: Partial<GrantTerms>): string;
  revokeGrant(grantId: string): Promise<void>;
  /** A call by node:http; resolves when the head of the answer is there. */
  call(options?: CallOptions): Promise<CallAnswer>;
  /** A connection of its own, to send any bytes; here, or to a proxy in front at this port. */
  connect(port?: number): RawConnection;
}

interface ClosableUpstream {
  readonly origin: string;
  close(): Promise<void>;
}

const secret = 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret';

/** Closes the upstream, too. */
export async function startAttackedHouse<Upstream extends ClosableUpstream>(
  upstream: Upstream,
  env: Readonly<Record<string, string>> = {},
  options: Pick<TestGatehouseOptions, 'mounts'> = {},
): Promise<AttackedHouse<Upstream>> {
  const gatehouse = await createTestGatehouse({
    upstream: `${upstream.origin}/mcp`,
    env: { TOKEN_SIGNING_SECRET: secret, ...env },
    ...options,
  });
  const { publicUrl, resource, clock, store } = gatehouse;
  const { publicPort: port } = await gatehouse.listen();
  const connections: RawConnection[] = [];
  const seal = createSealer({ secrets: [secret], context: publicUrl, random: systemRandom });
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
  return {
    ...gatehouse,
    upstream,
    port,
    metadataUrl: `${publicUrl}/.well-known/oauth-protected-resource${gatehouse.mount}`,
    seal,
    terms,
    issue,
    internalErrors: () =>
      gatehouse
        .logged()
        .split('\n')
        .filter((line) => line.includes('internal_error')),
    async revokeGrant(grantId) {
      const operator = createRevocations({ store, clock, onError: () => undefined });
      await operator.cutOff({ kind: 'grant', key: grantId, before: clock.nowSeconds() + 1 });
      operator.close();
    },
    call: (options = {}) => callPort(port, options, issue),
    connect(elsewhere = port) {
      const connection = openRaw(elsewhere);
      connections.push(connection);
      return connection;
    },
    async close() {
      for (const { socket } of connections) socket.destroy();
      await gatehouse.close();
      await upstream.close();
    },
  };
}

/** Header lines that the upstream hears of a call of Alice's, whatever her client sent: ours, and these. Sorted. */
export function linesBuiltAnew(upstreamOrigin: string, passed: readonly string[] = []): readonly string[] {
  return [
    `host: ${new URL(upstreamOrigin).host}`,
    'x-user-sub: alice',
    'x-user-email: alice@example.com',
    'x-user-groups: staff,admins',
    ...passed,
  ].toSorted();
}

/** Header lines of a request in the form of `linesBuiltAnew`: without what is another in every call, and what may be left out. */
export function readHeaderLines(request: {
  readonly headerLines: readonly (readonly [name: string, value: string])[];
}): readonly string[] {
  return request.headerLines
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => !/^x-request-id: [\w-]{16}$|^connection: keep-alive$/.test(line))
    .toSorted();
}
