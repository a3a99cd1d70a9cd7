import type { ConfigWarning } from '../config.ts';
import type { SettingValues } from '../schema.ts';
import { ValueProblem } from '../setting.ts';
import { refuseReservedPath } from '../url-values.ts';
import type { FileProblem } from './file-problems.ts';
import { findForwardProblem, findForwardWarnings, findOwnAuthority } from './forwarded-token.ts';
import type { MountEntry } from './mounts-section.ts';
import { findOpenUpstreams, wildcardRules } from './wildcard-posture.ts';
import { asksForEmail } from './policy-section.ts';

type Values = Partial<SettingValues>;
type Problem = Pick<FileProblem, 'problem' | 'fix'>;

/** A mount with its place in the list. */
export type ListedMount = readonly [index: number, entry: MountEntry];

export interface MountRule {
  /** The key that the problem is about; undefined: the mount. */
  readonly key: string | undefined;
  readonly find: (entry: MountEntry, earlier: readonly MountEntry[], values: Values) => Problem | undefined;
}

/** What must hold between mounts, and between a mount and the settings. The later of two gets the blame. */
const rules: readonly MountRule[] = [
  {
    key: 'name',
    find: ({ name }, earlier) =>
      earlier.some((other) => other.name === name)
        ? { problem: 'is the name of another mount', fix: 'give each mount a name of its own' }
        : undefined,
  },
  {
    key: 'default',
    find: (entry, earlier) =>
      entry.default && earlier.some((other) => other.default)
        ? { problem: 'is true, and so is that of another mount', fix: 'leave one default' }
        : undefined,
  },
  {
    key: 'default',
    find: (entry) =>
      entry.default && entry.accepts !== undefined
        ? {
            problem: 'is true, and the mount accepts tokens of another issuer',
            fix: 'remove it: whoever names no resource asks for a token of ours',
          }
        : undefined,
  },
  {
    key: 'dpop',
    find: ({ dpop, accepts }, _, { DPOP }) =>
      accepts !== undefined && (dpop ?? DPOP ?? 'off') !== 'off'
        ? {
            problem: 'asks for bound tokens, and the mount accepts tokens of another issuer, which are not',
            fix: 'write dpop: off for this mount',
          }
        : undefined,
  },
  { key: 'forward_token', find: findForwardProblem },
  { key: 'accepts', find: findOwnAuthority },
  ...wildcardRules,
  { key: 'url', find: findOverlap },
  { key: 'url', find: findHostProblem },
  { key: 'url', find: findReservedPath },
  {
    key: 'tls',
    find: ({ tls, upstream }) =>
      tls !== undefined && upstream.origin.startsWith('http:')
        ? {
            problem: 'is set, and upstream is http',
            fix: 'write https there, or remove it: what is not used protects nothing',
          }
        : undefined,
  },
  {
    key: 'url',
    find: ({ url }, _, { TLS_CERT_FILE }) =>
      TLS_CERT_FILE !== undefined && url.origin?.startsWith('http:') === true
        ? { problem: 'is http, and TLS_CERT_FILE makes the listener speak TLS alone', fix: 'write https' }
        : undefined,
  },
  {
    key: 'policy',
    find: ({ policy, accepts }) =>
      policy !== undefined && asksForEmail(policy) && trustsUnverifiedEmail(accepts)
        ? {
            problem: 'goes by e-mail addresses, and the mount accepts those that nobody verified',
            fix: 'remove trust_unverified_email from accepts, or write groups or subjects',
          }
        : undefined,
  },
  {
    key: 'policy',
    find: ({ policy }, _, { TRUST_UNVERIFIED_EMAIL }) =>
      policy !== undefined && TRUST_UNVERIFIED_EMAIL === true && asksForEmail(policy)
        ? {
            problem: 'goes by e-mail addresses, and TRUST_UNVERIFIED_EMAIL takes those that nobody verified',
            fix: 'unset TRUST_UNVERIFIED_EMAIL, or write groups or subjects',
          }
        : undefined,
  },
];

/** Problems of mounts that are each good by themselves. */
export function findMountProblems(mounts: readonly ListedMount[], values: Values): FileProblem[] {
  return mounts.flatMap(([index, entry], position) => {
    const earlier = mounts.slice(0, position).map(([, other]) => other);
    return rules.flatMap(({ key, find }) => {
      const problem = find(entry, earlier, values);
      return problem === undefined
        ? []
        : [{ path: ['mounts', index, ...(key === undefined ? [] : [key])], ...problem }];
    });
  });
}

export function findMountWarnings(mounts: readonly MountEntry[]): ConfigWarning[] {
  const warnings = mounts
    .filter(({ upstream }) => !upstream.loopback && upstream.origin.startsWith('http:'))
    .map(({ name }) => ({
      event: 'upstream_cleartext',
      message: `the upstream of mount ${name} is http to another machine: identities travel readable and forgeable`,
    }));
  warnings.push(...findForwardWarnings(mounts));
  for (const { name, accepts } of mounts) {
    if (!trustsUnverifiedEmail(accepts)) continue;
    const message = `mount ${name} accepts addresses that nobody has verified (trust_unverified_email)`;
    warnings.push({ event: 'unverified_email_trusted', message });
  }
  const ours = mounts.filter(({ accepts }) => accepts === undefined);
  warnings.push(...findOpenUpstreams(mounts));
  const needsDefault = ours.length > 1 || ours.some(({ url }) => url.isWildcard);
  if (needsDefault && !ours.some((mount) => mount.default)) {
    const message = 'no mount is the default: clients that name no resource are refused';
    warnings.push({ event: 'default_mount_unset', message });
  }
  return warnings;
}

function trustsUnverifiedEmail(accepts: MountEntry['accepts']): boolean {
  return Object.values(accepts ?? {}).some((kind) => kind?.trust_unverified_email === true);
}

function findOverlap(
  { url }: MountEntry,
  earlier: readonly MountEntry[],
  values: Values,
): Problem | undefined {
  const issuer = values.PROXY_BASE_URL?.origin;
  const other = earlier.find(
    ({ url: its }) =>
      (its.origin ?? issuer) === (url.origin ?? issuer) &&
      (isAtOrUnder(url.path, its.path) || isAtOrUnder(its.path, url.path)),
  );
  if (other === undefined) return undefined;
  const same = other.url.path === url.path;
  return same
    ? { problem: 'is that of another mount', fix: 'give each mount a path or a host of its own' }
    : {
        problem: 'is above or below that of another mount',
        fix: 'move one of the two: a call belongs to one mount alone',
      };
}

function isAtOrUnder(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}/`);
}

/** Ports and schemes of one host share cookies: it is one, for all that is there. */
function findHostProblem(
  { url }: MountEntry,
  earlier: readonly MountEntry[],
  { PROXY_BASE_URL: issuer }: Values,
): Problem | undefined {
  const { origin } = url;
  if (origin === undefined) return undefined;
  const clashes = (other: string | undefined): boolean =>
    other !== undefined && other !== origin && new URL(other).hostname === new URL(origin).hostname;
  if (clashes(issuer?.origin)) {
    const problem = 'is at the host of PROXY_BASE_URL, with another scheme or port';
    return { problem, fix: 'write the path alone, or another host' };
  }
  return earlier.some((other) => clashes(other.url.origin))
    ? {
        problem: 'is at the host of another mount, with another scheme or port',
        fix: 'write the same scheme and port, or another host',
      }
    : undefined;
}

/** At the issuer's host this server has endpoints of its own; at others, metadata alone. */
function findReservedPath({ url }: MountEntry, _: unknown, { PROXY_BASE_URL }: Values): Problem | undefined {
  const elsewhere = url.origin !== undefined && url.origin !== PROXY_BASE_URL?.origin;
  if (elsewhere && !isAtOrUnder(url.path, '/.well-known')) return undefined;
  try {
    refuseReservedPath(url.path);
    return undefined;
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    return { problem: error.problem, fix: error.fix };
  }
}
