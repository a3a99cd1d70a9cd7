import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';

/** Where something stands in a file. Both count from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Keys and list positions, from the root of the file. */
export type YamlPath = readonly PropertyKey[];

export interface YamlReading {
  /** What the text says; undefined when it is not acceptable YAML. */
  readonly value: unknown;
  /** What keeps it from being YAML. No text of the file is in it. */
  readonly faults: ReadonlyArray<{
    readonly place: TextPlace;
    readonly problem: string;
    readonly fix: string;
  }>;
  /** The place of a value, or of the nearest one around it that is there. */
  locate(path: YamlPath): TextPlace;
  /** The place of the key that is the last step. */
  locateKey(path: YamlPath): TextPlace;
  /** Whether there is a value. */
  has(path: YamlPath): boolean;
  /** A number or a switch as it is written: `0123` and `1e3` are names of somebody, too. */
  findSource(path: YamlPath): string | undefined;
}

/** Of expanded aliases: a few lines of them can stand for gigabytes. */
const maxAliases = 100;
const maxBytes = 1_048_576;

type FaultText = readonly [problem: string, fix: string];

/** Faults of text that is YAML all the same: each is its own. */
const faultsOfContent: Readonly<Record<string, FaultText>> = {
  BAD_ALIAS: [
    'begins with * outside of quotes: an alias of nothing, or of what it is in',
    "quote a name with *, such as '*_test'; an alias comes after its anchor (&name), and not inside",
  ],
  DUPLICATE_KEY: ['has this key twice', 'remove one of the two'],
  MULTIPLE_DOCS: ['has more than one document', 'remove the line --- and what follows'],
  NON_STRING_KEY: ['has a key that is no text', 'write the key as plain text'],
  TAG_RESOLVE_FAILED: ['has a tag', 'remove the tag (!name): plain YAML is enough here'],
};

const unlikeNeighbours: FaultText = [
  'is not indented like its neighbours',
  'indent with the same number of blanks',
];
const twoColons: FaultText = [
  'has a map in the middle of a line',
  'put the value in quotes when it has a colon and a blank in it, or correct the indentation',
];

/** Faults of the text, by the parser's code and the beginning of its message, which may go on with text of the file. */
const faultsOfSyntax: ReadonlyArray<readonly [code: string, message: RegExp, text: FaultText]> = [
  ['BAD_INDENT', /^Flow /, ['follows a bracket that is not closed', 'close it: ] or }']],
  ['BAD_INDENT', /^/, unlikeNeighbours],
  ['BAD_SCALAR_START', /^/, ['begins with a character that means something in YAML', 'put it in quotes']],
  ['BLOCK_AS_IMPLICIT_KEY', /^/, twoColons],
  ['MISSING_CHAR', /^Missing closing/, ['follows a quote that is not closed', 'close it']],
  ['MISSING_CHAR', /^Sequence item/, unlikeNeighbours],
  ['MISSING_CHAR', /^Implicit map keys/, ['is no key with a value', 'write key: value']],
  ['TAB_AS_INDENT', /^/, ['is indented with a tab', 'indent with blanks']],
];
const otherFault: FaultText = ['is not YAML', 'check indentation, quotes and brackets here'];

/**
 * Reads YAML 1.2 with nothing of what makes it dangerous: no tags, no merge keys, one document, keys that are text and
 * occur once, and few aliases. Never throws.
 * @see YAML 1.2.2, core schema
 */
export function readYaml(text: string): YamlReading {
  const lines = new LineCounter();
  if (Buffer.byteLength(text) > maxBytes) return refuse('is larger than 1 MiB', 'split what it describes');
  // What was no UTF-8 was read as this; names with it in them would fit nothing, denials among them.
  const undecoded = text.indexOf('\uFFFD');
  if (undecoded !== -1) {
    return refuse('is not UTF-8', 'save the file in UTF-8', placeWithin(text, undecoded));
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const placeOf = (offset: number): TextPlace => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const found = [...document.errors, ...document.warnings].map(({ code, pos, message }) => ({
    code,
    message,
    offset: pos[0],
  }));
  const faults = leaveEchoesOut([...found, ...findBadAliases(document)]).map((fault) => {
    const [problem, fix] = describeFault(fault);
    return { place: placeOf(fault.offset), problem, fix };
  });
  const find = (path: YamlPath): { readonly node: Node | undefined; readonly nearest: Node | undefined } =>
    findNode(document, path);
  const placeOfNode = (node: Node | undefined): TextPlace => placeOf(node?.range?.[0] ?? 0);
  return {
    ...(faults.length > 0 ? { value: undefined, faults } : expand(document)),
    locate: (path) => placeOfNode(find(path).nearest),
    locateKey(path) {
      const { node, nearest } = find(path.slice(0, -1));
      const pair = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
        : undefined;
      return placeOfNode(isScalar(pair?.key) ? pair.key : nearest);
    },
    has: (path) => find(path).node !== undefined,
    findSource(path) {
      const { node } = find(path);
      return isScalar(node) && node.value !== null ? node.source : undefined;
    },
  };
}

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly offset: number;
}

/** What follows the first place that is no YAML is read wrongly, and mostly has nothing wrong with it. */
function leaveEchoesOut(faults: readonly Fault[]): readonly Fault[] {
  const inOrder = faults.toSorted((one, other) => one.offset - other.offset);
  const first = inOrder.findIndex(({ code }) => faultsOfContent[code] === undefined);
  const told = first === -1 ? inOrder : inOrder.slice(0, first + 1);
  return told.filter(({ offset }, index) => told.findIndex((other) => other.offset === offset) === index);
}

function describeFault({ code, message }: Fault): FaultText {
  const ofSyntax = faultsOfSyntax.find(([its, pattern]) => its === code && pattern.test(message));
  return faultsOfContent[code] ?? ofSyntax?.[2] ?? otherFault;
}

/** Aliases of nothing, and of something that they are in, which would have no end. */
function findBadAliases(document: Document): Fault[] {
  const found: Fault[] = [];
  visit(document, {
    Alias(_key, alias, ancestors) {
      const target = alias.resolve(document);
      if (target !== undefined && !ancestors.includes(target)) return;
      found.push({ code: 'BAD_ALIAS', message: '', offset: alias.range?.[0] ?? 0 });
    },
  });
  return found;
}

function expand(document: Document): Pick<YamlReading, 'value' | 'faults'> {
  try {
    return { value: document.toJS({ maxAliasCount: maxAliases }) as unknown, faults: [] };
  } catch {
    // A document without faults has only one left.
    return refuse('has too many aliases', `write out what they stand for; ${maxAliases} are possible`);
  }
}

function placeWithin(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function refuse(problem: string, fix: string, place: TextPlace = { line: 1, column: 1 }): YamlReading {
  return {
    value: undefined,
    faults: [{ place, problem, fix }],
    locate: () => place,
    locateKey: () => place,
    has: () => false,
    findSource: () => undefined,
  };
}

function findNode(
  document: Document,
  path: YamlPath,
): { readonly node: Node | undefined; readonly nearest: Node | undefined } {
  let nearest: Node | undefined;
  let node = resolveAlias(document, document.contents);
  for (const step of path) {
    if (node === undefined) break;
    nearest = node;
    const inside: unknown = isMap(node) || isSeq(node) ? node.get(step, true) : undefined;
    node = resolveAlias(document, inside);
  }
  return { node, nearest: node ?? nearest };
}

function resolveAlias(document: Document, node: unknown): Node | undefined {
  if (isAlias(node)) return node.resolve(document);
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}
