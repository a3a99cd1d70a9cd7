/** How a title of the ledger is found: in a test file as it is written, and in the report of a run as it came out. */

/** A test as a run reported it. */
export interface RanTest {
  readonly file: string;
  /** The titles of the `describe`s around it, the outermost first, then its own. */
  readonly titles: readonly string[];
  readonly passed: boolean;
}

const separator = ' › ';
/** `%s`, `%.20j`, `$name`, `${value}`: what a table puts into a title. */
const placeholder = /%(?:\.\d+)?[sdifjoOc#$]|\$\{[^}]*\}|\$[A-Za-z][\w.]*/g;

/** Whether the source of a test file has such a title, each part as the first argument of a call. */
export function hasTitle(source: string, title: string): boolean {
  return title.split(separator).every((part) =>
    ["'", '"', '`'].some((quote) => {
      const literal = escapeExpression(quote + escapeQuote(part, quote) + quote);
      return new RegExp(`\\(\\s*${literal}\\s*,`).test(source);
    }),
  );
}

/** Of the tests of one file those that a title means: one, or each row of a table. */
export function findRuns(tests: readonly RanTest[], title: string): readonly RanTest[] {
  const parts = title.split(separator).map(toExpression);
  return tests.filter(({ titles }) => {
    const last = titles.slice(-parts.length);
    return parts.length <= titles.length && parts.every((part, index) => part.test(last[index] ?? ''));
  });
}

function toExpression(title: string): RegExp {
  return new RegExp(`^${title.split(placeholder).map(escapeExpression).join('[\\s\\S]*')}$`);
}

function escapeQuote(text: string, quote: string): string {
  return text.replaceAll(quote, `\\${quote}`);
}

function escapeExpression(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
