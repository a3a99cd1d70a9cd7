/** Which web origins and which hosts may speak to this deployment. */
export interface OriginCheck {
  /** A browser sends `Origin` on its own; other clients send none, and that is fine. */
  judgeOrigin(origins: readonly string[]): OriginVerdict;
  /** Whether a `Host` is acceptable: anything, unless the deployment is on loopback. For every public route. */
  isHostAcceptable(hosts: readonly string[]): boolean;
}

export type OriginVerdict =
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'allowed'; readonly origin: string }
  | { readonly outcome: 'foreign' };

export interface OriginRules {
  /** The issuer: scheme and host, no path. */
  readonly publicUrl: string;
  /** Further web origins, in serialised form. */
  readonly allowedOrigins: readonly string[];
}

const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const loopbackOrigin = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;
const absent: OriginVerdict = { outcome: 'absent' };
const foreign: OriginVerdict = { outcome: 'foreign' };

/**
 * Stops DNS rebinding: a page whose name was pointed at us carries its own name in `Origin`, and, on loopback where
 * no certificate protects us, in `Host`.
 * @see MCP 2026-07-28 transports, security warning
 */
export function createOriginCheck(rules: OriginRules): OriginCheck {
  const allowed = new Set([rules.publicUrl, ...rules.allowedOrigins]);
  const onLoopback = loopbackOrigin.test(rules.publicUrl);
  return {
    judgeOrigin(origins) {
      if (origins.length === 0) return absent;
      const [origin] = origins;
      if (origin === undefined || origins.length > 1) return foreign;
      if (allowed.has(origin) || (onLoopback && loopbackOrigin.test(origin))) {
        return { outcome: 'allowed', origin };
      }
      return foreign;
    },
    isHostAcceptable(hosts) {
      const [host] = hosts;
      if (!onLoopback) return true;
      return hosts.length === 1 && host !== undefined && loopbackHost.test(host);
    },
  };
}
