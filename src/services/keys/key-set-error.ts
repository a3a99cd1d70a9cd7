/** Why a key file is not acceptable, or a change of it not possible; for events and metrics. */
export type KeySetFault =
  | 'unreadable'
  | 'exposed'
  | 'malformed'
  | 'secret_weak'
  | 'succession'
  | 'destroyed_key_returned'
  | 'unknown_key'
  | 'unwritable';

/** Something is wrong with a set of keys. No secret, and nothing else of the file's text, is in it. */
export class KeySetError extends Error {
  readonly fault: KeySetFault;
  /** What is wrong, to be read after the file's name: `is not valid JSON`. */
  readonly problem: string;
  /** What to do about it. */
  readonly fix: string;

  constructor(fault: KeySetFault, problem: string, options: { readonly fix: string }) {
    super(`the key file ${problem}`);
    this.name = 'KeySetError';
    this.fault = fault;
    this.problem = problem;
    this.fix = options.fix;
  }
}
