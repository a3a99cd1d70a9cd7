/**
 * What tokens for a mount are bound to: scheme, host and path, no trailing slash.
 * @see RFC 9728 §1.2, RFC 8707 §2
 */
export function identifyResource({
  publicOrigin,
  path,
}: {
  readonly publicOrigin: string;
  readonly path: string;
}): string {
  return `${publicOrigin}${path === '/' ? '' : path}`;
}
