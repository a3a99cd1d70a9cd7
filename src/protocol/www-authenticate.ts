/** What a bearer challenge says. Values come from configuration and closed tables, never from the request. */
export interface BearerChallenge {
  readonly resourceMetadata: string;
  readonly scope?: string;
  /** Absent when no token was presented (RFC 6750 §3). */
  readonly error?: 'invalid_token' | 'insufficient_scope';
  readonly errorDescription?: string;
}

/**
 * Formats one `Bearer` challenge, every value quoted: client parsers in the field are simple.
 * @see RFC 6750 §3, RFC 9728 §5.1
 */
export function formatBearerChallenge(challenge: BearerChallenge): string {
  const parts: string[] = [];
  if (challenge.error !== undefined) parts.push(`error=${quote(challenge.error)}`);
  if (challenge.errorDescription !== undefined)
    parts.push(`error_description=${quote(challenge.errorDescription)}`);
  if (challenge.scope !== undefined) parts.push(`scope=${quote(challenge.scope)}`);
  parts.push(`resource_metadata=${quote(challenge.resourceMetadata)}`);
  return `Bearer ${parts.join(', ')}`;
}

function quote(value: string): string {
  return `"${value.replaceAll(/[^\x20-\x7e]/g, '').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
