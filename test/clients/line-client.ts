import { startChild } from './child.ts';
import {
  callLimitMs,
  createFailure,
  type RealClient,
  type RealClientOptions,
  within,
} from './real-client.ts';

/** A client that is a program of ours on somebody's SDK: see programs/line-protocol.ts. */
export function startLineClient(
  program: readonly [string, ...string[]],
  { mcpUrl, era, document, person, folder }: RealClientOptions,
  env: Readonly<Record<string, string>> = {},
): RealClient {
  const answers: ((answer: Answer) => void)[] = [];
  const failure = createFailure();
  const documentWords = document === undefined ? [] : ['--document', document];
  const child = startChild({
    command: [...program, '--url', mcpUrl, '--era', era, ...documentWords],
    env: { HOME: folder, ...env },
    onLine(line) {
      const message = parse(line);
      if (message.authorize !== undefined) person.signIn(message.authorize).catch(failure.fail);
      else answers.shift()?.(message);
    },
  });
  void child.exitCode.then((code) => failure.fail(new Error(`the client ended with ${code}`)));
  return {
    async callTool(name) {
      const answered = new Promise<Answer>((resolve) => answers.push(resolve));
      child.write(`call ${name}`);
      const { result, error } = await within(callLimitMs, 'the tool call', answered, failure.over);
      if (result === undefined) throw new Error(error ?? 'the client said nothing of use');
      return result;
    },
    said: () => child.said(),
    close: () => child.end(),
  };
}

interface Answer {
  readonly authorize?: string;
  readonly result?: string;
  readonly error?: string;
}

function parse(line: string): Answer {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return { error: `the client said what is no JSON: ${line}` };
  }
}
