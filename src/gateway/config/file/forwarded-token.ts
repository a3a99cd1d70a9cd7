import type { ConfigWarning } from '../config.ts';
import type { SettingValues } from '../schema.ts';
import type { AcceptsEntry } from './accepts-section.ts';
import type { FileProblem } from './file-problems.ts';
import type { MountEntry } from './mounts-section.ts';

/**
 * What stands against passing tokens on. A token that was not issued for the upstream must not get there: it could be used
 * elsewhere, and the upstream would take somebody for whom it is not meant.   @see MCP Security Best Practices, Token Passthrough
 */
export function findForwardProblem({
  forward_token: forwards,
  accepts,
  upstream_authorization_file: file,
}: MountEntry): Pick<FileProblem, 'problem' | 'fix'> | undefined {
  if (!forwards) return undefined;
  if (accepts === undefined) {
    const fix = 'remove it, and give the upstream a credential with upstream_authorization_file';
    return { problem: 'is true, and the mount takes tokens of ours, which are good here alone', fix };
  }
  if (file !== undefined) {
    const fix = 'leave one: there is one Authorization header';
    return { problem: 'is true, and upstream_authorization_file takes its place', fix };
  }
  const audiences = [kindOf(accepts)?.audience ?? []].flat();
  if (audiences.length === 1) return undefined;
  const problem =
    audiences.length === 0
      ? 'is true, and accepts does not say for whom the tokens are'
      : 'is true, and the tokens may be for several';
  const fix = 'write one audience under accepts: the name that the upstream itself has at the issuer';
  return { problem, fix };
}

/**
 * An authority that is this server itself: a mount that asks it about tokens takes those of another mount of ours, and may
 * pass them on to an upstream that then can call that one as its callers.
 */
export function findOwnAuthority(
  { accepts }: MountEntry,
  _: unknown,
  { PROXY_BASE_URL: own }: Partial<SettingValues>,
): Pick<FileProblem, 'problem' | 'fix'> | undefined {
  const kind = kindOf(accepts);
  if (kind === undefined || own === undefined) return undefined;
  const fix =
    'leave accepts out: a mount without it takes tokens of ours, and each is good for one mount alone';
  if (isIssuer(kind.issuer, own.origin))
    return { problem: 'has PROXY_BASE_URL for its issuer, which is this server', fix };
  // Whatever its path: what it leads to is for us to say, and may be ours tomorrow.
  return 'endpoint' in kind && new URL(kind.endpoint).origin === own.origin
    ? { problem: 'has its endpoint at PROXY_BASE_URL, which is this server', fix }
    : undefined;
}

/** With a slash at its end it would be another one, and nobody means that. */
function isIssuer(text: string, origin: string): boolean {
  const { origin: its, pathname } = new URL(text);
  return its === origin && pathname === '/';
}

/** What the operator should know of tokens that leave us. */
export function findForwardWarnings(mounts: readonly MountEntry[]): readonly ConfigWarning[] {
  return mounts
    .filter((mount) => mount.forward_token)
    .flatMap((mount) => {
      const { name, upstream } = mount;
      const warnings: ConfigWarning[] = [];
      if (!upstream.loopback && upstream.origin.startsWith('http:')) {
        const message = `mount ${name} forwards the tokens of its callers over http to another machine: whoever is on the way can use them`;
        warnings.push({ event: 'forwarded_token_cleartext', message });
      }
      const other = mounts.find((each) => isElsewhere(each, mount) && takesTheSame(each, mount));
      if (other !== undefined) {
        const message = `mount ${name} forwards tokens that mount ${other.name} takes, too: its upstream can call that one as its callers`;
        warnings.push({ event: 'forwarded_token_shared', message });
      }
      return warnings;
    });
}

function isElsewhere(one: MountEntry, other: MountEntry): boolean {
  return one.upstream.origin !== other.upstream.origin;
}

function takesTheSame(one: MountEntry, other: MountEntry): boolean {
  const [here, there] = [kindOf(one.accepts), kindOf(other.accepts)];
  if (here === undefined || there === undefined || here.issuer !== there.issuer) return false;
  const audiences = [there.audience ?? []].flat();
  return [here.audience ?? []].flat().some((audience) => audiences.includes(audience));
}

function kindOf(
  accepts: AcceptsEntry | undefined,
): NonNullable<AcceptsEntry['jwt' | 'hmac' | 'introspection']> | undefined {
  return accepts?.jwt ?? accepts?.hmac ?? accepts?.introspection;
}
