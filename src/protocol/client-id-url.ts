/** A `client_id` that is the address of its own metadata document. Kept and compared as it came. Maker: `parseClientIdUrl`. */
export type ClientIdUrl = string & { readonly __brand: 'ClientIdUrl' };

/** What a stranger's URL may cost: it stands in queries, caches and on pages. */
const maxClientIdUrlLength = 1024;

// Printable ASCII without what URL parsers read differently or drop;
const shape =
  /^https:\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?(\/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*)$/;
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)/i;
const encodedSeparator = /%(?:2f|5c|00)/i;
// At least two labels, no empty one, and a last one that is not a number in any of the spellings of IPv4.
const domainName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

export interface ClientIdUrlRules {
  /** Take the names of this machine, too. For development. */
  readonly allowLoopback: boolean;
}

/** Whether a `client_id` claims to be the address of a metadata document; nothing issued here begins like that. */
export function isClientIdUrl(clientId: string): boolean {
  return clientId.startsWith('https://');
}

/**
 * What is wrong with such a `client_id`, safe for strangers, or undefined. Stricter than the draft where parsers could
 * disagree: lower-case ASCII host with a domain, no query, no query.
 * @see draft-ietf-oauth-client-id-metadata-document-03 "Client Identifier URL"
 */
export function findClientIdUrlProblem(value: string, rules: ClientIdUrlRules): string | undefined {
  if (value.length > maxClientIdUrlLength) return `is longer than ${maxClientIdUrlLength} characters`;
  if (value.includes('#')) return 'has a fragment';
  if (value.includes('?')) return 'has a query';
  if (/^https:\/\/[^/]*@/.test(value)) return 'carries user information';
  if (!/^https:\/\/[^/]+\//.test(value)) return 'has no path';
  const match = shape.exec(value);
  if (match === null || /%(?![0-9A-Fa-f]{2})/.test(value)) return 'is not in its normal form';
  const [, host = '', path = ''] = match;
  if (dotSegment.test(path)) return 'has a dot segment';
  if (encodedSeparator.test(path)) return 'has an encoded separator';
  if (!URL.canParse(value)) return 'does not parse';
  if (rules.allowLoopback && loopbackHosts.has(host)) return undefined;
  if (host.length > 253 || !domainName.test(host)) return 'has a host that is no domain name';
  return undefined;
}

/** The URL, or undefined when anything is wrong with it. */
export function parseClientIdUrl(value: string, rules: ClientIdUrlRules): ClientIdUrl | undefined {
  return findClientIdUrlProblem(value, rules) === undefined ? (value as ClientIdUrl) : undefined;
}

/** Host and port as people read them. */
export function hostOfClientId(url: ClientIdUrl): string {
  return new URL(url).host;
}
