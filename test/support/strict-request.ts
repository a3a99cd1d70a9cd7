/**
 * Requests as a server reads them that forgives nothing. Whatever two servers could read in two ways is an error here,
 * however harmless most of them would find it.
 */

/** A request, every byte of it accounted for. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** Request line and header lines as sent, without the empty line. */
  readonly head: string;
  /** Names in lower case, in the order sent. */
  readonly headerLines: readonly (readonly [name: string, value: string])[];
  /** Values of a header by its lower-case name. */
  header(name: string): readonly string[];
  readonly framing: 'none' | 'length' | 'chunked';
}

/** Where the body of a request ends, and what it says. */
export interface StrictBody {
  readonly body: string;
  /** What is left of the bytes. */
  readonly rest: string;
}

const requestLine = /^(GET|POST|DELETE) (\/[\x21\x22\x24-\x5b\x5d-\x7e]*) HTTP\/1\.1$/;
const headerLine =
  /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[\t ]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)$/;
const maxHeadLength = 64 * 1024;

/** Headers that change what the rest means, or speak of this hop alone: none has any business here. */
const forbidden = new Set([
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'expect',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'cookie',
]);

/**
 * Reads the head at the start of the bytes, latin1; undefined while it is not whole.
 * @throws Error that says what could be read in two ways
 */
export function readStrictHead(bytes: string): { request: StrictRequest; rest: string } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  const head = end === -1 ? bytes : bytes.slice(0, end);
  if (/(?<!\r)\n|\r(?!\n|$)/.test(head)) throw new Error('a line ends otherwise than with CRLF');
  if (head.length > maxHeadLength) throw new Error('the head has no end');
  if (end === -1) return undefined;
  const [first = '', ...lines] = head.split('\r\n');
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new Error(`request line ${JSON.stringify(first)}`);
  const headerLines = lines.map(readHeaderLine);
  const header = (name: string): readonly string[] =>
    headerLines.filter(([candidate]) => candidate === name).map(([, value]) => value);
  checkNames(headerLines.map(([name]) => name));
  const framing = judgeFraming(header('content-length'), header('transfer-encoding'));
  if (framing !== 'none' && method !== 'POST') throw new Error(`a ${method} with a body`);
  return { request: { method, target, head, headerLines, header, framing }, rest: bytes.slice(end + 4) };
}

/**
 * Reads the body at the start of the bytes; undefined while it is not whole.
 * @throws Error that says what could be read in two ways
 */
export function readStrictBody(request: StrictRequest, bytes: string): StrictBody | undefined {
  if (request.framing === 'none') return { body: '', rest: bytes };
  if (request.framing === 'chunked') return readChunks(bytes);
  const length = Number(request.header('content-length')[0]);
  return bytes.length < length ? undefined : { body: bytes.slice(0, length), rest: bytes.slice(length) };
}

function readHeaderLine(line: string): readonly [string, string] {
  const [, name, value] = headerLine.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`header line ${JSON.stringify(line)}`);
  if (name.toLowerCase() === 'connection' && !/^(?:keep-alive|close)$/i.test(value))
    throw new Error(`Connection ${JSON.stringify(value)}`);
  return [name.toLowerCase(), value];
}

/** A name that comes twice, be it with `_` for `-` as gateways of CGI read it, is two values to choose from. */
function checkNames(names: readonly string[]): void {
  const folded = names.map((name) => name.replaceAll('_', '-'));
  for (const [index, name] of folded.entries()) {
    if (forbidden.has(name)) throw new Error(`a header ${name}`);
    if (folded.indexOf(name) !== index) throw new Error(`two headers ${name}`);
  }
  if (!folded.includes('host')) throw new Error('no Host');
}

function judgeFraming(lengths: readonly string[], codings: readonly string[]): 'none' | 'length' | 'chunked' {
  if (lengths.length > 0 && codings.length > 0) throw new Error('a length and a transfer coding');
  if (codings.length > 0 && codings[0] !== 'chunked') throw new Error(`transfer coding ${codings[0]}`);
  if (lengths.length > 0 && !/^(?:0|[1-9]\d{0,14})$/.test(lengths[0] as string))
    throw new Error(`length ${lengths[0]}`);
  if (codings.length > 0) return 'chunked';
  return lengths.length === 0 || lengths[0] === '0' ? 'none' : 'length';
}

function readChunks(bytes: string): StrictBody | undefined {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const line = /^([1-9a-f][0-9a-f]{0,7}|0)\r\n/i.exec(bytes.slice(at, at + 10));
    if (line === null) {
      if (/^[0-9a-f]{0,8}\r?$/i.test(bytes.slice(at))) return undefined;
      throw new Error(`chunk size ${JSON.stringify(bytes.slice(at, at + 20))}`);
    }
    const size = Number.parseInt(line[1] as string, 16);
    const start = at + line[0].length;
    const after = bytes.slice(start + size, start + size + 2);
    if (after.length < 2) return undefined;
    if (after !== '\r\n') throw new Error(`after a chunk ${JSON.stringify(after)}`);
    if (size === 0) return { body: parts.join(''), rest: bytes.slice(start + 2) };
    parts.push(bytes.slice(start, start + size));
    at = start + size + 2;
  }
}
