import { type Infer, integer, oneOf, shape, text } from '../../platform/sealing/shape.ts';

/**
 * The one positive record of a grant, under `grant:{grantId}`. Tokens are good only while it says so: a record that
 * was lost means "log in again", never "redeem twice".
 *
 * pending → active (code redeemed) → active (each lease and each rotation) → revoked. Every arrow is one
 * compare-and-swap; what they lead to is in `grant-plan.ts`.
 */
const owner = shape({ subject: text, client: text });

/** The code is out and not redeemed. */
const pending = owner.extend({ stage: oneOf('pending') });

/** The generation before: for a short window it gets the very same successor again. */
const previous = shape({ tokenId: text, rotatedAtMs: integer, successor: text });

/** Somebody is making the successor of the current generation; nobody else has to until the lease runs out. */
const rotating = shape({ holder: text, untilMs: integer });

const active = owner.extend(
  {
    stage: oneOf('active'),
    /** Generation of the refresh token that may rotate. */
    current: text,
  },
  {
    previous: previous.matches,
    rotating: rotating.matches,
    /** Of the last rotation, once the generation before was taken out. For people who look at what they allowed. */
    refreshedAtMs: integer,
  },
);

const revoked = owner.extend({ stage: oneOf('revoked'), cause: text });

export type ActiveGrant = Infer<typeof active>;
export type GrantRecord = Infer<typeof pending> | ActiveGrant | Infer<typeof revoked>;

/** Where the record of a grant lies in the store. */
export function grantKey(grantId: string): string {
  return `grant:${grantId}`;
}

export function formatGrantRecord(record: GrantRecord): string {
  return JSON.stringify(record);
}

/** @throws TypeError or SyntaxError when the stored text is no grant record: a corrupt store, never a client's fault */
export function parseGrantRecord(stored: string): GrantRecord {
  const record: unknown = JSON.parse(stored);
  if (pending.matches(record) || active.matches(record) || revoked.matches(record)) return record;
  throw new TypeError('the stored text is no grant record');
}

/** A record that cannot be read counts as not revoked: ending a grant must not fail over what it overwrites. */
export function isRevokedRecord(text: string): boolean {
  try {
    return parseGrantRecord(text).stage === 'revoked';
  } catch {
    return false;
  }
}
