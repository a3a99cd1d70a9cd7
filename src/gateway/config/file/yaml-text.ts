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

/** Parser's codes that people meet; its own messages quote the file. */
const faultTexts: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  BAD_ALIAS: [
    'has an alias of nothing, or of what it is in',
    'write the anchor (&name) before its alias (*name), and not around it',
  ],
  BAD_INDENT: ['is not indented like its neighbours', 'indent with the same number of blanks'],
  DUPLICATE_KEY: ['has this key twice', 'remove one of the two'],
  MULTIPLE_DOCS: ['has more than one document', 'remove the line --- and what follows'],
  NON_STRING_KEY: ['has a key that is no text', 'write the key as plain text'],
  TAB_AS_INDENT: ['is indented with a tab', 'indent with blanks'],
  TAG_RESOLVE_FAILED: ['has a tag', 'remove the tag (!name): plain YAML is enough here'],
};
const otherFault = ['is not YAML', 'check indentation, quotes and brackets here'] as const;

/**
 * Reads YAML 1.2 with nothing of what makes it dangerous: no tags, no merge keys, one document, keys that are text and
 * occur once, and few aliases. Never throws.
 * @see YAML 1.2.2, core schema
 */
export function readYaml(text: string): YamlReading {
  const lines = new LineCounter();
  if (Buffer.byteLength(text) > maxBytes) return refuse('is larger than 1 MiB', 'split what it describes');
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
  const found = [...document.errors, ...document.warnings].map(({ code, pos }) => ({ code, offset: pos[0] }));
  const faults = [...found, ...findBadAliases(document)].map(({ code, offset }) => {
    const [problem, fix] = faultTexts[code] ?? otherFault;
    return { place: placeOf(offset), problem, fix };
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

/** Aliases of nothing, and of something that they are in, which would have no end. */
function findBadAliases(document: Document): Array<{ readonly code: string; readonly offset: number }> {
  const found: Array<{ code: string; offset: number }> = [];
  visit(document, {
    Alias(_key, alias, ancestors) {
      const target = alias.resolve(document);
      if (target !== undefined && !ancestors.includes(target)) return;
      found.push({ code: 'BAD_ALIAS', offset: alias.range?.[0] ?? 0 });
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

function refuse(problem: string, fix: string): YamlReading {
  const place = { line: 1, column: 1 };
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
