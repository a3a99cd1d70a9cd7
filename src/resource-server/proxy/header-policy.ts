/** What one mount changes of the headers that pass; the rest holds for all of them. Names are in lower case. */
export interface HeaderPolicy {
  /** Request headers that pass beside the usual ones: those of `mayForward`. */
  readonly forward: readonly string[];
  /** Request headers of ours, in place of the client's of that name: those of `maySet`. The values may be secrets. */
  readonly set: ReadonlyArray<readonly [name: string, value: string]>;
  /** Response headers that end here: those of `mayDrop`. */
  readonly drop: readonly string[];
  /** Whether the upstream is told who calls (`X-User-*`). Off only for an upstream that must not know. */
  readonly identity: boolean;
}

export const standardHeaders: HeaderPolicy = { forward: [], set: [], drop: [], identity: true };

// No underscore: servers that fold `_` and `-` would read a second spelling of a name we have judged.
const plainName = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** Ours to say, or for one hop alone: RFC 9110 §7.6.1, RFC 9112 §6. */
const ours = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);
const oursByFamily = /^(?:x-user|proxy)-/;

/** What says who somebody is or where they are: a client that could send it would be believed. */
const claims = new Set(['cookie', 'dpop', 'forwarded', 'remote-user', 'true-client-ip', 'via', 'x-real-ip']);
const claimsByFamily = /^x-(?:forwarded|remote|auth|authenticated|goog|amzn|ms-client)(?:-|$)/;

/** The client's, and told apart by what is in the body or the session. */
const ofTheCall = /^(?:content-|mcp-|last-event-id$)/;

/** Whether a request header of the client can be let through. */
export function mayForward(name: string): boolean {
  return isFree(name) && !claims.has(name) && !claimsByFamily.test(name);
}

/** Whether a request header can be given a value of ours. */
export function maySet(name: string): boolean {
  return isFree(name) && !ofTheCall.test(name);
}

/** Whether a response header can be kept back: not the ones that say how the body is to be read. */
export function mayDrop(name: string): boolean {
  return plainName.test(name) && name !== 'content-type' && name !== 'content-encoding';
}

function isFree(name: string): boolean {
  return plainName.test(name) && !ours.has(name) && !oursByFamily.test(name);
}
