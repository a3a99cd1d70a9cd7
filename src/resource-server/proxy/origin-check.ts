/** Which web origins and which hosts may speak to this deployment. */
export interface OriginCheck {
  /** A browser sends `Origin` on its own; other clients send none, and that is fine. */
  judgeOrigin(origins: readonly string[]): OriginVerdict;
  /** Whether a `Host` is acceptable: anything, unless there is a list or the deployment is on loopback. For every public route. */
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
  /** Names by which this deployment may be asked beside its own, in lower case: with a port, or at any. None: by every name. */
  readonly allowedHosts?: readonly string[];
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
  const allowedHosts = new Set(rules.allowedHosts);
  const known = new Set([...allowedHosts, new URL(rules.publicUrl).hostname]);
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
      if (!onLoopback && allowedHosts.size === 0) return true;
      const [host] = hosts;
      if (host === undefined || hosts.length > 1) return false;
      if (onLoopback && loopbackHost.test(host)) return true;
      const spelled = host.toLowerCase();
      return known.has(spelled) || known.has(spelled.replace(/:\d{1,5}$/, ''));
    },
  };
}
