import { findSecretWeakness } from '../../../platform/sealing/secret-strength.ts';
import type { TokenAuthority } from '../../../services/identity/foreign/token-authority.ts';
import { type ReadFile, readSecretText } from '../read-settings.ts';
import { ValueProblem } from '../setting.ts';
import { type AcceptsEntry, minHmacSecretBytes } from './accepts-section.ts';
import type { FileProblem } from './file-problems.ts';
import type { YamlPath } from './yaml-text.ts';

export interface AcceptsReading {
  /** Undefined: the mount takes our tokens, or there are problems. */
  readonly authority: TokenAuthority | undefined;
  readonly problems: readonly FileProblem[];
}

/**
 * Makes the authority of a mount, with the secrets in the files that it names.
 * @param path of the section in the file
 * @param resource identifier of the mount, which tokens are for unless something else is said
 */
export function assembleAccepts(
  entry: AcceptsEntry | undefined,
  path: YamlPath,
  resource: string,
  readFile: ReadFile,
): AcceptsReading {
  const problems: FileProblem[] = [];
  const read = (place: YamlPath, file: string, check: (secret: string) => void): string => {
    try {
      const secret = readSecretText(file, readFile, {
        unreadable: (what: string) => `names a file that ${what}`,
        empty: 'names a file that is empty',
      });
      check(secret);
      return secret;
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      problems.push({ path: [...path, ...place], problem: error.problem, fix: error.fix });
      return '';
    }
  };
  const authority = entry === undefined ? undefined : assemble(entry, resource, read);
  return { authority: problems.length === 0 ? authority : undefined, problems };
}

/** The files that a mount has the secrets of its authority in. */
export function listAcceptsFiles({ hmac, introspection }: AcceptsEntry): readonly string[] {
  return [
    ...(hmac?.secret_files ?? []),
    ...(introspection === undefined ? [] : [introspection.client_secret_file]),
  ];
}

type ReadSecret = (path: YamlPath, file: string, check: (secret: string) => void) => string;

function assemble(
  { jwt, hmac, introspection }: AcceptsEntry,
  resource: string,
  read: ReadSecret,
): TokenAuthority | undefined {
  if (jwt !== undefined) {
    const { jwks_uri: jwksUri, algorithms, typ: tokenType } = jwt;
    return { kind: 'jwt', ...assembleCommon(jwt, resource), jwksUri, algorithms, tokenType };
  }
  if (hmac !== undefined) {
    const { algorithm, typ: tokenType, secret_files: files } = hmac;
    const check = (secret: string): void => refuseWeak(secret, minHmacSecretBytes(algorithm));
    const secrets = files.map((file, index) => read(['hmac', 'secret_files', index], file, check));
    return { kind: 'hmac', ...assembleCommon(hmac, resource), algorithm, secrets, tokenType };
  }
  if (introspection === undefined) return undefined;
  const { endpoint, client_id: clientId, cache: cacheSeconds, client_secret_file: file } = introspection;
  const clientSecret = read(['introspection', 'client_secret_file'], file, () => undefined);
  const common = assembleCommon(introspection, resource);
  return { kind: 'introspection', ...common, endpoint, clientId, clientSecret, cacheSeconds };
}

type Common = NonNullable<AcceptsEntry['jwt' | 'hmac' | 'introspection']>;

function assembleCommon(entry: Common, resource: string) {
  const { subject, email, groups, scope, client } = entry.claims;
  return {
    issuer: entry.issuer,
    audiences: [entry.audience ?? resource].flat(),
    clockSkewSeconds: entry.clock_skew,
    claims: {
      subject,
      email,
      groups,
      scope: scope === undefined ? ['scope', 'scp'] : [scope],
      client: client === undefined ? ['client_id', 'azp', 'cid', 'appid'] : [client],
    },
    trustUnverifiedEmail: entry.trust_unverified_email,
  };
}

/** Whoever guesses it is anybody. In every mode: the mount has nothing else to go by. */
function refuseWeak(secret: string, minBytes: number): void {
  const fix = `generate one with: openssl rand -base64 ${Math.ceil(minBytes * 1.5)}`;
  if (Buffer.byteLength(secret) < minBytes) {
    throw new ValueProblem(`names a file with a secret that is shorter than ${minBytes} bytes`, fix);
  }
  const weakness = findSecretWeakness(secret);
  if (weakness !== undefined) throw new ValueProblem(`names a file with a weak secret: it ${weakness}`, fix);
}
