import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import type { Successor } from '../../services/tokens/grants.ts';

/** Part of the stored format: a refresh token at its longest, sealed once more. */
const storedSuccessorPurpose: SealPurpose = {
  name: 'stored-successor',
  prefix: 'mgh_ss_',
  maxLength: 12_288,
};

/**
 * Seals a successor once more for the grant's record. The record has to hold the very token, so that a lost response
 * can be repeated; sealed like this, a copy of the database holds nothing that can be presented anywhere.
 */
export function wrapSuccessor(sealer: Sealer, successor: Successor): Successor {
  return { ...successor, sealed: sealer.seal(storedSuccessorPurpose, successor.sealed) };
}

/** The refresh token that was wrapped; undefined when the secret it was wrapped with is gone. */
export function unwrapSuccessor(sealer: Sealer, stored: string): string | undefined {
  return sealer.open(storedSuccessorPurpose, stored);
}
