import { createHash } from 'node:crypto';

import { ValueProblem } from './setting.ts';

/** What a script writes whose variable is not set. To whoever sends an empty secret it would be the right one. */
const hashOfNothing = createHash('sha256').digest('hex');

/**
 * Reads the SHA-256 of a secret, in hexadecimal.
 * @throws ValueProblem   that does not repeat the text: it may be the secret itself
 */
export function parseSecretHash(text: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new ValueProblem(
      'is no SHA-256 in hexadecimal',
      'write what gatehouse clients hash-secret prints; a secret does not stand in this file',
    );
  }
  if (text.toLowerCase() === hashOfNothing) {
    throw new ValueProblem('is that of an empty secret', 'hash the secret again, and see that there is one');
  }
  return Buffer.from(text, 'hex');
}
