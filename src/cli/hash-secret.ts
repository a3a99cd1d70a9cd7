import { createHash } from 'node:crypto';

import type { Random } from '../platform/random.ts';
import { CommandFailure } from './failure.ts';

/** Nobody goes through as many as 2¹²⁸; a secret that somebody thought of is another matter, and shorter. */
const shortest = 32;

/** A secret nobody has thought of, and what of it stands in the configuration. */
export function makeSecret(random: Pick<Random, 'token'>): string {
  const secret = random.token(32);
  return `secret: ${secret}\nsha256: ${hash(secret)}\n`;
}

/**
 * What of a secret stands in the configuration of this server: `client_secret_sha256`, `INTROSPECTION_CLIENTS`.
 * @param text the secret, with the line break that `echo` and editors leave behind it
 * @throws CommandFailure when it is short enough to be guessed from its hash
 */
export function hashGivenSecret(text: string): string {
  const secret = text.replace(/\r?\n$/, '');
  if (secret.length < shortest) {
    throw new CommandFailure(
      `the secret has fewer than ${shortest} characters`,
      'write it to standard input, or let it be made: gatehouse clients hash-secret --generate',
    );
  }
  return `${hash(secret)}\n`;
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
