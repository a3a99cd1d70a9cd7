/** What a client of a gatehouse has got, as a list of answers, with all that may differ by nature left out. */
export interface SeenAnswer {
  readonly status: number;
  /** `name: value` with the name in lower case, sorted. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly isWhole: boolean;
  /** The standard lane says how long it keeps a connection; the fast lane does not. */
  readonly isStandard: boolean;
}

export interface SeenBytes {
  readonly answers: readonly SeenAnswer[];
  /** What is no answer. */
  readonly rest: string;
}

/** Reads answers one after the other. */
export function readAnswers(bytes: string): SeenBytes {
  const answers: SeenAnswer[] = [];
  let rest = bytes;
  while (rest !== '') {
    const read = readAnswer(rest);
    if (read === undefined) return { answers, rest };
    answers.push(read.answer);
    rest = read.rest;
  }
  return { answers, rest };
}

export function wholeAnswers(bytes: string): number {
  return readAnswers(bytes).answers.filter(({ status, isWhole }) => isWhole && status >= 200).length;
}

interface Read {
  readonly answer: SeenAnswer;
  readonly rest: string;
}

function readAnswer(bytes: string): Read | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.slice(0, Math.max(end, 0)).split('\r\n');
  const [, code] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
  if (code === undefined) return undefined;
  const status = Number(code);
  const all = lines.map(lowerName);
  const { body, isWhole, rest } = readBody(status, all, bytes.slice(end + 4));
  const isStandard = all.some((line) => line.startsWith('keep-alive: '));
  return { answer: { status, headers: all.filter(isTelling).toSorted(), body, isWhole, isStandard }, rest };
}

interface ReadBody {
  readonly body: string;
  readonly isWhole: boolean;
  readonly rest: string;
}

function readBody(status: number, headers: readonly string[], bytes: string): ReadBody {
  if (status < 200 || status === 204 || status === 304) return { body: '', isWhole: true, rest: bytes };
  if (headers.includes('transfer-encoding: chunked')) return readChunks(bytes);
  const length = headers.find((line) => line.startsWith('content-length: '))?.slice(16);
  if (length === undefined) {
    // To the end of the connection; or of no length, for `HEAD`.
    const isNext = bytes.startsWith('HTTP/1.1 ');
    return { body: isNext ? '' : bytes, isWhole: true, rest: isNext ? bytes : '' };
  }
  // An answer to `HEAD` says how long it would be.
  if (length !== '0' && bytes.startsWith('HTTP/1.1 ')) return { body: '', isWhole: false, rest: bytes };
  const body = bytes.slice(0, Number(length));
  return { body, isWhole: body.length === Number(length), rest: bytes.slice(body.length) };
}

function readChunks(bytes: string): ReadBody {
  let body = '';
  for (let rest = bytes; ;) {
    const line = /^([0-9a-f]+)\r\n/i.exec(rest.slice(0, 20));
    const size = Number.parseInt(line?.[1] ?? '0', 16);
    const start = line?.[0].length ?? 0;
    const chunk = rest.slice(start, start + size);
    if (line !== null && size === 0) {
      const isWhole = rest.slice(start, start + 2) === '\r\n';
      return { body, isWhole, rest: isWhole ? rest.slice(start + 2) : '' };
    }
    body += chunk;
    if (line === null || chunk.length < size) return { body, isWhole: false, rest: '' };
    rest = rest.slice(start + size + 2);
  }
}

function lowerName(line: string): string {
  const colon = line.indexOf(':');
  return line.slice(0, colon).toLowerCase() + line.slice(colon);
}

/** Not those of the hop, but for whether it ends, nor those that are another in every answer. */
function isTelling(line: string): boolean {
  return !/^(?:date|x-request-id|keep-alive): |^connection: keep-alive$/.test(line);
}
