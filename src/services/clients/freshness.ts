/** A host that says nothing gets this. */
const defaultSeconds = 900;
/** However short it wants it: else every request of a stranger would be one of ours. */
const minSeconds = 60;
/** However long it wants it: a redirect URI that its owner takes away must not live on here. */
const maxSeconds = 3600;

/** How long an answer may be used, by its own word and within bounds. Seconds.   @see RFC 9111 §4.2 */
export function freshSecondsOf(headers: Headers): number {
  const directives = (headers.get('cache-control') ?? '').toLowerCase().split(',');
  if (directives.some((directive) => /^\s*no-(?:store|cache)\b/.test(directive))) return minSeconds;
  const ages = directives.flatMap((directive) => /^\s*max-age="?(\d{1,12})"?\s*$/.exec(directive)?.[1] ?? []);
  // Said twice, the shorter one.
  const maxAge = ages.length === 0 ? defaultSeconds : Math.min(...ages.map(Number));
  const age = /^\d{1,12}$/.exec(headers.get('age') ?? '')?.[0] ?? '0';
  return Math.min(maxSeconds, Math.max(minSeconds, maxAge - Number(age)));
}
