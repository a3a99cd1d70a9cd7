/**
 * Keeps the floors of src/README.md: imports only go down, and a room or a service knows of its siblings nothing but
 * types. Without this, the first convenient import turns a house into one large room.
 *
 * `npm run check:imports`. Test files beside the sources are not part of the house and may import what they like.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Floor {
  /** Folder under src; `*` stands for one room. The first row that fits a file counts. */
  readonly folder: string;
  readonly values: readonly string[];
  /** Folders of which types may be imported in addition. */
  readonly types?: readonly string[];
  /** Built-in modules allowed; undefined: all. */
  readonly builtins?: readonly string[];
  readonly environment?: true;
}

const below = ['services/*', 'platform', 'protocol'];
const rooms = ['authorization-server/*', 'resource-server/*', 'admin'];

/** Every folder may import from itself. What is not named here is forbidden. */
const floors: readonly Floor[] = [
  { folder: 'index.ts', values: ['gateway', ...below] },
  { folder: 'cli', values: ['gateway', ...below], environment: true },
  { folder: 'adapters', values: ['gateway', ...below] },
  { folder: 'gateway', values: [...rooms, ...below] },
  ...rooms.map((folder) => ({ folder, values: below, types: rooms })),
  { folder: 'services/*', values: ['platform', 'protocol'], types: ['services/*'] },
  { folder: 'platform', values: [] },
  { folder: 'protocol', values: [], builtins: ['node:crypto', 'node:net', 'node:buffer'] },
];

export interface Violation {
  readonly file: string;
  readonly problem: string;
}

/** Checks a whole source tree. Keys are paths below src with forward slashes, values the text of the files. */
export function checkImports(sources: ReadonlyMap<string, string>): Violation[] {
  const files = [...sources].filter(([file]) => !file.endsWith('.test.ts'));
  const violations = files.flatMap(([file, text]) =>
    problemsOf(file, text, sources).map((problem) => ({ file, problem })),
  );
  return [...violations, ...cycles(new Map(files))];
}

function problemsOf(file: string, text: string, sources: ReadonlyMap<string, string>): string[] {
  const floor = floorOf(file);
  if (floor === undefined) return ['lies in a folder that no floor names'];
  const problems = importsOf(text).flatMap((found) => problemOf(file, floor, found, sources) ?? []);
  if (file.endsWith('/index.ts')) problems.push('is a second barrel: index.ts exists once, at the root');
  if (floor.environment !== true && /\bprocess\s*\.\s*env\b/.test(withoutComments(text)))
    problems.push('reads process.env: only cli/ does, everybody else is handed what they need');
  return problems;
}

function problemOf(
  file: string,
  floor: Floor,
  found: FoundImport,
  sources: ReadonlyMap<string, string>,
): string | undefined {
  const { specifier } = found;
  if (!specifier.startsWith('.')) return builtinProblem(floor, specifier);
  const target = resolveImport(file, specifier);
  if (target.startsWith('..')) return `imports ${specifier}, which is outside src`;
  if (target.endsWith('.test.ts')) return `imports the test ${target}`;
  if (!sources.has(target)) return `imports ${target}, which does not exist`;
  if (placeOf(file) === placeOf(target)) return undefined;
  if (allows(floor.values, target)) return undefined;
  if (!allows(floor.types ?? [], target)) return `must not import ${target}`;
  return found.typeOnly ? undefined : `may import types of ${target}, not values`;
}

function builtinProblem(floor: Floor, specifier: string): string | undefined {
  const allowed = floor.builtins ?? [specifier];
  return allowed.includes(specifier) ? undefined : `must not import ${specifier}`;
}

function floorOf(file: string): Floor | undefined {
  return floors.find(({ folder }) => allows([folder], file));
}

function allows(folders: readonly string[], file: string): boolean {
  const [top = '', second = ''] = file.split('/');
  return folders.some(
    (folder) => folder === top || (folder.endsWith('/*') && folder === `${top}/*` && second !== ''),
  );
}

/** The folder inside which everything may import everything: `cli`, `services/tokens`, `authorization-server/token`. */
function placeOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return floorOf(file)?.folder.endsWith('/*') === true ? `${top}/${second}` : top;
}

interface FoundImport {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const statement = /^[ \t]*(?:import|export)\b([^;'"`]*?)\bfrom\s*['"]([^'"]+)['"]/gm;
const bareImport = /^[ \t]*import\s*['"]([^'"]+)['"]/gm;
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]/g;

function importsOf(text: string): FoundImport[] {
  const code = withoutComments(text);
  const named = [...code.matchAll(statement)].map(([, clause = '', specifier = '']) => ({
    specifier,
    typeOnly: isTypeOnly(clause.trim()),
  }));
  const whole = [...code.matchAll(bareImport), ...code.matchAll(dynamicImport)];
  return [...named, ...whole.map(([, specifier = '']) => ({ specifier, typeOnly: false }))];
}

function isTypeOnly(clause: string): boolean {
  if (/^type\b(?!\s*,)/.test(clause)) return true;
  const names = /^\{(.*)\}$/s
    .exec(clause)?.[1]
    ?.split(',')
    .map((name) => name.trim());
  return names?.every((name) => name === '' || name.startsWith('type ')) ?? false;
}

function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/(^|[ \t])\/\/.*$/gm, '$1');
}

function resolveImport(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier)).replaceAll('\\', '/');
}

/** Cycles of value imports: they make the order of evaluation matter. Types may refer to each other. */
function cycles(sources: ReadonlyMap<string, string>): Violation[] {
  const finished = new Set<string>();
  const found: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0)
      found.push({ file, problem: `is in a cycle: ${[...path.slice(start), file].join(' → ')}` });
    if (start >= 0 || finished.has(file)) return;
    for (const target of valueTargets(file, sources)) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}

function valueTargets(file: string, sources: ReadonlyMap<string, string>): string[] {
  return importsOf(sources.get(file) ?? '')
    .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
    .map(({ specifier }) => resolveImport(file, specifier))
    .filter((target) => sources.has(target));
}

function readSources(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(
    names.sort().map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]),
  );
}

if (import.meta.main) {
  const sources = readSources(join(import.meta.dirname, '..', 'src'));
  if (sources.size === 0) throw new Error('no sources found');
  const violations = checkImports(sources);
  for (const { file, problem } of violations) console.error(`src/${file} ${problem}`);
  console.log(`${sources.size} files read, ${violations.length} violations`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
