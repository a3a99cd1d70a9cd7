export interface TextOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Lines for people; coloured only where somebody looks. */
export interface Terminal {
  readonly line: (text: string) => void;
  readonly strong: (text: string) => string;
  readonly quiet: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function createTerminal(
  output: TextOutput,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isColoured = output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const paint = (code: number) => (text: string) =>
    isColoured ? `\u001b[${String(code)}m${text}\u001b[0m` : text;
  return {
    line(text) {
      output.write(`${text}\n`);
    },
    strong: paint(1),
    quiet: paint(2),
    good: paint(32),
    bad: paint(31),
  };
}
