/** What a challenge says. Values come from configuration and closed tables, never from the request. */
export interface AuthenticationChallenge {
  readonly resourceMetadata: string;
  readonly scope?: string;
  /** Absent when no token was presented (RFC 6750 §3). */
  readonly error?: 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce';
  readonly errorDescription?: string;
}

/**
 * Formats one `Bearer` challenge, every value quoted: client parsers in the field are simple.
 * @see RFC 6750 §3, RFC 9728 §5.1
 */
export function formatBearerChallenge(challenge: AuthenticationChallenge): string {
  return `Bearer ${formatParameters(challenge)}`;
}

/** Formats one `DPoP` challenge.   @see RFC 9449 §7.1 */
export function formatDpopChallenge(
  challenge: AuthenticationChallenge,
  algorithms: readonly string[],
): string {
  return `DPoP ${formatParameters(challenge)}, algs=${quote(algorithms.join(' '))}`;
}

function formatParameters(challenge: AuthenticationChallenge): string {
  const parts: string[] = [];
  if (challenge.error !== undefined) parts.push(`error=${quote(challenge.error)}`);
  if (challenge.errorDescription !== undefined)
    parts.push(`error_description=${quote(challenge.errorDescription)}`);
  if (challenge.scope !== undefined) parts.push(`scope=${quote(challenge.scope)}`);
  parts.push(`resource_metadata=${quote(challenge.resourceMetadata)}`);
  return parts.join(', ');
}

const plain = /^[ !#-[\]-~]*$/;

function quote(value: string): string {
  // Nearly all are, and each resource has some twenty of them.
  if (plain.test(value)) return `"${value}"`;
  return `"${value.replaceAll(/[^\x20-\x7e]/g, '').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
