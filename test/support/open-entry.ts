import type { EntryGate } from '../../src/services/entry/entry-gate.ts';

/** No rules: everybody may enter. */
export const openEntry: Pick<EntryGate, 'judge' | 'demandsOf' | 'contactOf'> = {
  judge: () => undefined,
  demandsOf: () => undefined,
  contactOf: () => undefined,
};
