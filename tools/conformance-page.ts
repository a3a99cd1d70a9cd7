/** The tables of docs/conformance.md: every requirement, and what shows that it is met. */
import { ledger } from '../test/requirements/ledger.ts';
import { type Level, proofsOf, type Requirement, type Section } from '../test/requirements/requirement.ts';

const levelNames: Readonly<Record<Level, string>> = {
  must: 'MUST',
  should: 'SHOULD',
  interoperability: 'clients',
  product: 'ours',
};

/** One table for each section, after the counts. */
export function renderLedger(): string {
  return [renderCounts(), ...ledger.map(renderSection)].join('\n\n');
}

function renderCounts(): string {
  const rows = ledger.flatMap((section) => section.rows);
  const open = rows.filter((row) => 'open' in row);
  const notApplicable = rows.filter((row) => 'notApplicable' in row).length;
  const proved = rows.length - open.length - notApplicable;
  const ids = open.map(({ id }) => id).join(', ');
  const openText = open.length === 0 ? 'none is open' : `${open.length} are open (${ids})`;
  return `${rows.length} requirements: ${proved} are shown by tests, ${notApplicable} do not apply, ${openText}.`;
}

function renderSection({ letter, title, rows }: Section): string {
  const lines = rows.map((row) => {
    const cells = [row.id, renderSentence(row), levelNames[row.level], row.source, renderProofs(row)];
    return `| ${cells.map((cell) => String(cell).replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  });
  return [
    `### ${letter}. ${title}`,
    '',
    '| # | requirement | level | source | shown by |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function renderSentence(row: Requirement): string {
  const notes = [
    ...('open' in row ? [`**Open:** ${row.open}`] : []),
    ...('notApplicable' in row ? [`**Does not apply:** ${row.notApplicable}`] : []),
    ...(row.deviation === undefined ? [] : [`_${row.deviation}_`]),
  ];
  return [row.sentence, ...notes].join('<br>');
}

/** Each file once, under its own name; a step by what it checks. */
function renderProofs(row: Requirement): string {
  const links = proofsOf(row).map((proof) =>
    'step' in proof
      ? `CI step “${proof.step}”: ${proof.checks}`
      : `[${nameOf(proof.file)}](../${proof.file})`,
  );
  return [...new Set(links)].join(', ');
}

function nameOf(file: string): string {
  return (file.split('/').at(-1) ?? file).replace('.test.ts', '');
}
