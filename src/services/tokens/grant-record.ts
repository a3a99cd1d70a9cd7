import * as z from 'zod';

/**
 * The one positive record of a grant, under `grant:{grantId}`. Tokens are good only while it says so: a record that
 * was lost means "log in again", never "redeem twice".
 *
 * pending → active (code redeemed) → active (each rotation) → revoked. Every arrow is one compare-and-swap.
 */
const grantRecord = z.discriminatedUnion('stage', [
  /** The code is out and not redeemed. */
  z.object({ stage: z.literal('pending'), subject: z.string(), client: z.string() }),
  z.object({
    stage: z.literal('active'),
    subject: z.string(),
    client: z.string(),
    /** Generation of the refresh token that may rotate. */
    current: z.string(),
    /** The generation before: for a short window it gets the very same successor again. */
    previous: z
      .object({ tokenId: z.string(), rotatedAtMs: z.number().int(), successor: z.string() })
      .optional(),
  }),
  z.object({ stage: z.literal('revoked'), subject: z.string(), client: z.string(), cause: z.string() }),
]);

export type GrantRecord = z.infer<typeof grantRecord>;

export function formatGrantRecord(record: GrantRecord): string {
  return JSON.stringify(record);
}

/** @throws ZodError or SyntaxError when the stored text is not a grant record: a corrupt store, never a client's fault */
export function parseGrantRecord(text: string): GrantRecord {
  return grantRecord.parse(JSON.parse(text));
}
