import type { TokenAuthority } from '../../src/services/identity/foreign/token-authority.ts';
import { FakeClock } from './fake-clock.ts';
import { createTestGatehouse, type TestGatehouse } from './gatehouse.ts';
import {
  audience,
  introspectionSecret,
  signJwt,
  startTokenIssuer,
  type TokenIssuer,
} from './identity/token-issuer.ts';
import { type CallAnswer, type CallOptions, callPort } from './mount-client.ts';
import { atLeastOne } from './mounted-house.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from './recording-upstream.ts';

/** A gatehouse whose mount `notes` takes the tokens of another issuer, and `own` those of the house. */
export interface ForeignHouse extends TestGatehouse {
  readonly issuer: TokenIssuer;
  readonly upstream: RecordingUpstream;
  readonly port: number;
  /** A token as `notes` takes them: good, but for the changes. */
  issue(changes?: Readonly<Record<string, unknown>>): string;
  /** A call to `notes`. */
  call(bearer: string | null, options?: CallOptions): Promise<CallAnswer>;
  internalErrors(): readonly string[];
}

export const hmacSecrets = [
  'Vq8n2Lx5Tz0Rk7Wc3Hb9Jd1Fs6Gm4Pa-first',
  'Zu4e7Yi1Ox8Qc5Kv2Nr9Bt6Ml3Dw0Sh-other',
] as const;

type Kind = TokenAuthority['kind'];

function describeAuthority(kind: Kind, origin: string): TokenAuthority {
  const common = {
    issuer: origin,
    audiences: [audience],
    clockSkewSeconds: 30,
    claims: {
      subject: 'sub',
      email: 'email',
      groups: 'groups',
      scope: ['scope', 'scp'],
      client: ['client_id', 'azp'],
    },
    trustUnverifiedEmail: false,
  };
  const tokenType = 'at+jwt';
  switch (kind) {
    case 'jwt':
      return { kind, ...common, jwksUri: undefined, algorithms: ['RS256', 'ES256'], tokenType };
    case 'hmac':
      return { kind, ...common, algorithm: 'HS256', secrets: [hmacSecrets[0]], tokenType };
    case 'introspection':
      return {
        kind,
        ...common,
        endpoint: `${origin}/introspect`,
        clientId: 'gatehouse',
        clientSecret: introspectionSecret,
        cacheSeconds: 60,
      };
  }
}

function issueAs(kind: Kind, issuer: TokenIssuer, changes: Readonly<Record<string, unknown>> = {}): string {
  if (kind === 'jwt') return issuer.issue(changes);
  const claims = issuer.claims(changes);
  if (kind === 'hmac') return signJwt({ typ: 'at+jwt', alg: 'HS256' }, claims, hmacSecrets[0]);
  const token = `opaque-${issuer.opaque.size}`;
  issuer.opaque.set(token, { active: true, ...claims });
  return token;
}

export interface ForeignHouseOptions {
  readonly kind?: Kind;
  readonly env?: Readonly<Record<string, string>>;
  readonly change?: (authority: TokenAuthority) => TokenAuthority;
  readonly mount?: Partial<TestGatehouse['config']['mounts'][0]>;
  /** The mount that takes tokens of ours. */
  readonly own?: Partial<TestGatehouse['config']['mounts'][0]>;
}

export async function startForeignHouse(options: ForeignHouseOptions = {}): Promise<ForeignHouse> {
  const clock = new FakeClock();
  const issuer = await startTokenIssuer(clock);
  const upstream = await startRecordingUpstream();
  upstream.answer = replyJson({ served: true });
  const described = describeAuthority(options.kind ?? 'jwt', issuer.origin);
  const accepts = options.change?.(described) ?? described;
  const gatehouse = await createTestGatehouse({
    clock,
    env: { SSE_KEEPALIVE_INTERVAL: '0', ...options.env },
    upstream: `${upstream.origin}/mcp`,
    mounts: (only) =>
      atLeastOne([
        { ...only, name: 'own', path: '/own', isDefault: true, ...options.own },
        { ...only, name: 'notes', path: '/notes', isDefault: false, accepts, ...options.mount },
      ]),
  });
  const { publicPort: port } = await gatehouse.listen();
  return {
    ...gatehouse,
    issuer,
    upstream,
    port,
    issue: (changes) => issueAs(options.kind ?? 'jwt', issuer, changes),
    call: (bearer, call = {}) =>
      callPort(port, { target: '/notes', body: '{}', ...call, bearer }, () => issuer.issue()),
    internalErrors: () =>
      gatehouse
        .logged()
        .split('\n')
        .filter((line) => /internal_error|token_check_failed/.test(line)),
    async close() {
      await gatehouse.close();
      await upstream.close();
      await issuer.close();
    },
  };
}
