import { headerValues } from '../../platform/http/raw-headers.ts';
import { judgeTarget } from './request-target.ts';

/** An answer of the upstream, and what matters of the call for which it came. */
export interface RedirectAnswer {
  readonly status: number;
  /** Name and value alternating, as received. */
  readonly rawHeaders: readonly string[];
  /** Targets that this call was sent to so far, the client's own first. */
  readonly visited: readonly string[];
  /** Whether the call can be sent again as it was: it has no body, or we hold all of it. */
  readonly replayable: boolean;
}

/** How far a redirect may lead. */
export interface RedirectScope {
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  readonly mount: string;
}

const maxHops = 3;
// No user information, no escape, no `\`: what is left is the same authority to every parser.
const absoluteForm = /^(https?:\/\/[A-Za-z0-9.:[\]_-]+)(\/.*)$/i;

/**
 * The target at which a call is to be made once more, because the upstream has moved it within the mount: most often
 * by a slash at its end. Undefined for every other answer, other redirects among them.
 *
 * Followed by us and not by the client, to whom the upstream's address means nothing. Only 307 and 308, which keep
 * method and body, and only as far as a client could have gone by itself: the call carries a person's identity and
 * the upstream's credential, and whoever steers an answer must not steer those.
 * @see RFC 9110 §15.4.8, §15.4.9, §17.16.3
 */
export function findRedirectTarget(answer: RedirectAnswer, scope: RedirectScope): string | undefined {
  if (answer.status !== 307 && answer.status !== 308) return undefined;
  if (!answer.replayable || answer.visited.length > maxHops) return undefined;
  const [location, ...others] = headerValues(answer.rawHeaders, 'location');
  if (location === undefined || others.length > 0) return undefined;
  const target = readTarget(location, scope.origin);
  if (target === undefined) return undefined;
  const verdict = judgeTarget(target, scope.mount);
  if (verdict.outcome === 'refused' || verdict.carriesToken) return undefined;
  return answer.visited.includes(target) ? undefined : target;
}

/**
 * The part of a Location that goes on the request line, byte for byte: resolving it would repair dot segments and
 * slashes before anybody has judged them. A path that is relative to the target is therefore not understood.
 */
function readTarget(location: string, origin: string): string | undefined {
  // `//host` is told by judgeTarget, which knows no path that begins so.
  if (location.startsWith('/')) return location;
  const [, theirs = '', target] = absoluteForm.exec(location) ?? [];
  return URL.canParse(theirs) && new URL(theirs).origin === new URL(origin).origin ? target : undefined;
}
