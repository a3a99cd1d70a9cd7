/** A test that shows something: its file from the root of the project, and its title as the source spells it. */
export interface Proof {
  readonly file: string;
  /** The title of an `it`, placeholders and all; with its `describe` before it and ` › ` between, where one is not enough. */
  readonly test: string;
}

/** A step of `npm run ci` that shows something; it fails the build by itself. */
export interface StepProof {
  readonly step: string;
  readonly checks: string;
}

/** How much it binds: a specification's MUST or SHOULD, what clients in use need, a decision of ours. */
export type Level = 'must' | 'should' | 'interoperability' | 'product';

interface Stated {
  readonly id: number;
  readonly level: Level;
  /** Specification and section. `MCP` without a revision is 2026-07-28. */
  readonly source: string;
  /** What is required of the gatehouse, in one sentence. */
  readonly sentence: string;
  /** Where we do otherwise than the source, or decided between two of them, and why. */
  readonly deviation?: string;
}

export interface Proved extends Stated {
  /** What shows that it works where it has to. */
  readonly provedBy: readonly (Proof | StepProof)[];
  /** What shows that whoever breaks the rule gets nothing. Every MUST has some, or has nobody who could break it. */
  readonly refusedBy?: readonly Proof[] | 'nothing to refuse';
}

export interface NotApplicable extends Stated {
  readonly notApplicable: string;
}

/** Required, and not there: the document says so. */
export interface Open extends Stated {
  readonly open: string;
  readonly provedBy?: readonly (Proof | StepProof)[];
}

export type Requirement = Proved | NotApplicable | Open;

export interface Section {
  readonly letter: string;
  readonly title: string;
  readonly rows: readonly Requirement[];
}

/** Makes proofs of one file: `const bearer = testsOf('test/attacks/j-bearer.test.ts')`. */
export function testsOf(file: string): (test: string) => Proof {
  return (test) => ({ file, test });
}

/** Every test that a row names. */
export function proofsOf(row: Requirement): readonly (Proof | StepProof)[] {
  const good = 'provedBy' in row ? (row.provedBy ?? []) : [];
  const bad = 'refusedBy' in row && typeof row.refusedBy === 'object' ? row.refusedBy : [];
  return [...good, ...bad];
}
