let second = 0;
let text = '';

/** The moment for a `Date` header, formatted once in a second.   @see RFC 9110 §5.6.7 */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
