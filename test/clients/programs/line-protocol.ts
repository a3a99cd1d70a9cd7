import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

/**
 * How the programs here talk with whoever started them, in any language: `PROGRAM --url URL --era ERA [--document URL]`.
 * Each line `call TOOL` on standard input is one call of that tool; each line of standard output is JSON: `{ authorize }`, a
 * URL for the person, then `{ result }`, the tool's text, or `{ error }`. The end of the input is the end of the program.
 */
export interface ProgramOptions {
  readonly url: URL;
  readonly era: 'legacy' | 'modern';
  /** Of the client's metadata document. Undefined: it registers itself. */
  readonly document: string | undefined;
}

/** What such a program does at each `call`. */
export interface Program {
  callTool(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Where the browser brings the answer. */
export interface CallbackListener {
  readonly redirectUri: string;
  nextAnswer(): Promise<URLSearchParams>;
  close(): void;
}

export function readProgramOptions(): ProgramOptions {
  const { values } = parseArgs({
    options: { url: { type: 'string' }, era: { type: 'string' }, document: { type: 'string' } },
  });
  const era = values.era === 'modern' ? 'modern' : 'legacy';
  return { url: new URL(values.url ?? ''), era, document: values.document };
}

export function say(message: { authorize: string } | { result: string } | { error: string }): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

export async function obey(program: Program): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const name = /^call (\S+)$/.exec(line)?.[1];
    if (name === undefined) continue;
    await program.callTool(name).then(
      (result) => say({ result }),
      (error: unknown) => say({ error: String(error) }),
    );
  }
  await program.close();
}

/** On any free port, as RFC 8252 §7.3 has it for applications on a device. */
export async function listenForCallback(): Promise<CallbackListener> {
  const answers: URLSearchParams[] = [];
  const waiting: ((answer: URLSearchParams) => void)[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://client');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>Client</title><p>Signed in. You may close this window.');
    if (url.pathname !== '/callback') return;
    const taker = waiting.shift();
    if (taker === undefined) answers.push(url.searchParams);
    else taker(url.searchParams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    async nextAnswer() {
      const answer = answers.shift();
      return answer ?? new Promise((resolve) => waiting.push(resolve));
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
