/** What the target of a request to the mount came to. `target` is what arrives upstream: the very bytes judged. */
export type TargetVerdict =
  | { readonly outcome: 'accepted'; readonly target: string; readonly carriesToken: boolean }
  | { readonly outcome: 'refused'; readonly status: 400 | 414 };

const maxTargetLength = 8192;
const malformed: TargetVerdict = { outcome: 'refused', status: 400 };

// Origin-form out of the characters that no two URL parsers read differently; `;` opens parameters to some servers.
const originForm = /^\/[A-Za-z0-9._~!$&'()*+,=:@%/-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?[\]|-]*)?$/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;
const dotSegment = /(?:^|\/)\.{1,2}(?:\/|$)/;
// An escape that hides what the rules above look at: `/ \ ; %`, controls, and characters that need none (`. a 0 - _ ~`).
const hidingEscape = /%(?:2f|5c|3b|25|[01][0-9a-f]|7f|2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i;

const endOfSegment = /[^A-Za-z0-9._~-]/g;

/**
 * Finds the mount that a raw request target is for, be it to refuse it: the mount followed by nothing, by a character
 * that ends a segment, or by one that some parser may take for such (`;`, `%2f`, `\`). Neither the number of mounts nor the
 * length of a target matters to how long it takes.
 * @param mounts none of them below another
 */
export function createMountFinder<Mount extends { readonly path: string }>(
  mounts: readonly Mount[],
): (target: string) => Mount | undefined {
  const exact = new Map(mounts.map((mount) => [mount.path, mount]));
  const deepest = Math.max(0, ...mounts.map(({ path }) => path.split('/').length - 1));

  function findAbove(target: string): Mount | undefined {
    endOfSegment.lastIndex = 1;
    for (let depth = 0; depth < deepest; depth += 1) {
      const at = endOfSegment.exec(target)?.index;
      if (at === undefined) return undefined;
      const mount = exact.get(target.slice(0, at));
      if (mount !== undefined || target[at] !== '/') return mount;
    }
    return undefined;
  }

  return (target) => exact.get(target) ?? findAbove(target);
}

/**
 * Judges the target of a request under a mount: exactly the mount, or the mount and further segments. One that another
 * parser could read as some other path (dot segments, `//`, escapes of separators, path parameters) is refused, never
 * repaired: a repaired target is one that two parties understand differently.
 * @see RFC 9112 §3.2.1, RFC 3986 §3.3
 */
export function judgeTarget(target: string, mount: string): TargetVerdict {
  // Most targets are the mount itself, which the configuration has judged.
  if (target === mount) return { outcome: 'accepted', target, carriesToken: false };
  if (target.length > maxTargetLength) return { outcome: 'refused', status: 414 };
  if (!originForm.test(target) || brokenEscape.test(target)) return malformed;
  const queryAt = target.indexOf('?');
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  if (path !== mount && !path.startsWith(`${mount}/`)) return malformed;
  if (path.includes('//') || dotSegment.test(path)) return malformed;
  if (path.includes('%') && (hidingEscape.test(path) || !isUtf8(path))) return malformed;
  const query = queryAt === -1 ? '' : target.slice(queryAt + 1);
  return { outcome: 'accepted', target, carriesToken: query !== '' && holdsAccessToken(query) };
}

/** What becomes of the target of a call on its way: the upstream's path takes the place of the mount's. */
export function createTargetRewrite(mount: string, upstreamPath: string): (target: string) => string {
  if (mount === upstreamPath) return (target) => target;
  return (target) => (target === mount ? upstreamPath : upstreamPath + target.slice(mount.length));
}

function isUtf8(path: string): boolean {
  try {
    // Overlong forms of `/` and `.` are no UTF-8, yet some decoders take them.
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** RFC 6750 §2.3 lets a token travel in the query; OAuth 2.1 does not, and it would end in somebody's log. */
function holdsAccessToken(query: string): boolean {
  return [...new URLSearchParams(query.replaceAll(';', '&')).keys()].some(
    (name) => name.toLowerCase() === 'access_token',
  );
}
