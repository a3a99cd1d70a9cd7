import { ErrorReply } from '@redis/client';

/** The first word of an error reply, and what an operator can do about it. */
const byReply: Readonly<Record<string, string>> = {
  OOM: 'Redis is out of memory',
  NOAUTH: 'Redis wants a password',
  WRONGPASS: 'Redis does not accept the user name or the password',
  NOPERM: 'the Redis user may not run a command that is needed',
  LOADING: 'Redis is loading its data',
  READONLY: 'the Redis server is a replica',
  MISCONF: 'Redis cannot write to its disk',
  NOREPLICAS: 'Redis has too few replicas to take writes',
  CLUSTERDOWN: 'the Redis cluster is down',
  MASTERDOWN: 'the Redis primary is down',
  WRONGTYPE: 'a key holds something that is not ours: choose another REDIS_KEY_PREFIX',
};

/** Replies of a server that may answer properly in a moment, or that is not the one to ask any more. */
const passing: ReadonlySet<string> = new Set([
  'LOADING',
  'READONLY',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'TRYAGAIN',
  'BUSY',
  'UNBLOCKED',
]);

/** There is no connection; `cause` is why the last attempt to make one failed, if any did. */
export class NotConnectedError extends Error {
  constructor(cause: unknown) {
    super('not connected', { cause });
    this.name = 'NotConnectedError';
  }
}

/** Whether Redis refuses us for a reason that waiting does not mend. */
export function isRefusedForGood(error: unknown): boolean {
  const reply = error instanceof NotConnectedError ? error.cause : error;
  return reply instanceof ErrorReply && ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(firstWord(reply));
}

/** What an operator should read about a failure; never a key or a value. */
export function describeRedisFailure(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof ErrorReply) return byReply[firstWord(error)] ?? 'Redis refused a command';
  if (error instanceof TypeError) return 'Redis holds something that is not ours';
  if (!(error instanceof NotConnectedError)) return 'Redis does not answer';
  return error.cause instanceof ErrorReply
    ? describeRedisFailure(error.cause)
    : 'there is no connection to Redis';
}

/** Whether a failure says that the server is in trouble, rather than that it did not like this one command. */
export function isTrouble(error: unknown): boolean {
  if (error instanceof ErrorReply) return passing.has(firstWord(error));
  return !(error instanceof TypeError);
}

/** Whether the server must be looked for anew. */
export function isMisdirected(error: unknown): boolean {
  return error instanceof ErrorReply && firstWord(error) === 'READONLY';
}

function firstWord(error: Error): string {
  return error.message.split(' ', 1)[0] ?? '';
}
