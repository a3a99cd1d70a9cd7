/**
 * Answers of an upstream that two readers could cut at different places, and their harmless neighbours. What is hidden
 * behind most of them is an answer that nobody asked for: whoever gets it has got somebody else's.
 */

/**
 * `refused`: 502. `cut`: its head is fine and its body is not, so that the client sees its connection end early, or a 502.
 * `passed`: the client gets a 200 with the body `{}`.
 */
export type AnswerVerdict = 'refused' | 'cut' | 'passed';

export interface AnswerAttack {
  readonly name: string;
  readonly verdict: AnswerVerdict;
  /** latin1 */
  readonly bytes: string;
  /** Whether the upstream closes its connection behind the bytes. */
  readonly ends: boolean;
}

/** The text of the answer that nobody asked for. */
export const poison = '{"poison":"poison"}';

const hidden = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
const sized = `${ok}Content-Length: 2\r\n`;

type Row = readonly [name: string, verdict: AnswerVerdict, bytes: string, ends?: 'ends'];

const heads: readonly Row[] = [
  ['two equal lengths', 'refused', `${sized}Content-Length: 2\r\n\r\n{}${hidden}`],
  [
    'two lengths, the first longer',
    'refused',
    `${ok}Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}${hidden}`,
  ],
  ['two lengths, the second longer', 'refused', `${sized}Content-Length: 9\r\n\r\n{}${hidden}`],
  ['a list of lengths', 'refused', `${ok}Content-Length: 2, 2\r\n\r\n{}${hidden}`],
  ['a length with a plus', 'refused', `${ok}Content-Length: +2\r\n\r\n{}${hidden}`],
  ['a length below zero', 'refused', `${ok}Content-Length: -2\r\n\r\n{}${hidden}`],
  ['a length in hexadecimal', 'refused', `${ok}Content-Length: 0x2\r\n\r\n{}${hidden}`],
  ['a length with a blank in it', 'refused', `${ok}Content-Length: 2 0\r\n\r\n{}${hidden}`],
  ['an empty length', 'refused', `${ok}Content-Length:\r\n\r\n{}${hidden}`],
  ['a length past 64 bits', 'refused', `${ok}Content-Length: 18446744073709551618\r\n\r\n{}${hidden}`],
  [
    'a length and a coding',
    'refused',
    `${sized}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${hidden}`,
  ],
  [
    'a coding and a length',
    'refused',
    `${ok}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  ],
  ['a coding that nobody knows', 'refused', `${ok}Transfer-Encoding: x\r\n\r\n{}`, 'ends'],
  ['gzip, chunked', 'refused', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
  ['chunked, identity', 'refused', `${ok}Transfer-Encoding: chunked, identity\r\n\r\n{}`, 'ends'],
  ['a blank before a colon', 'refused', `${ok}Content-Length : 2\r\n\r\n{}${hidden}`],
  ['a folded line', 'refused', `${sized}X-A: b\r\n c\r\n\r\n{}${hidden}`],
  ['a bare LF behind every line', 'refused', `${sized}\r\n{}`.replaceAll('\r\n', '\n')],
  ['a bare CR in a value', 'refused', `${sized}ETag: a\rSet-Cookie: b=c\r\n\r\n{}`],
  ['a NUL in a value', 'refused', `${sized}ETag: a\0b\r\n\r\n{}`],
  ['a line without a colon', 'refused', `${sized}ETag\r\n\r\n{}`],
  ['a name with a blank', 'refused', `${sized}E Tag: x\r\n\r\n{}`],
  ['two content types', 'refused', `${sized}Content-Type: text/html\r\n\r\n{}`],
  ['two sessions', 'refused', `${sized}Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\n\r\n{}`],
  ['a status of two digits', 'refused', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['a status of four digits', 'refused', 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['status 099', 'refused', 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['status 600', 'refused', 'HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['version 2.0', 'refused', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['version 0.9', 'refused', 'HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['another protocol', 'refused', 'ICY 200 OK\r\nContent-Length: 2\r\n\r\n{}'],
  ['no HTTP', 'refused', '{"jsonrpc":"2.0"}\r\n\r\n'],
  ['nothing', 'refused', '', 'ends'],
  ['half a head', 'refused', 'HTTP/1.1 200 OK\r\nContent-', 'ends'],
  ['a head of 1 MB', 'refused', `${ok}ETag: ${'x'.repeat(1_000_000)}\r\n\r\n`],
  ['a 304', 'refused', `HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n${hidden}`],
  ['a 101', 'refused', `HTTP/1.1 101 Switching Protocols\r\n\r\n${hidden}`],
  [
    'an early hint before the answer',
    'passed',
    `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${sized}\r\n{}`,
  ],
  ['100 before the answer', 'passed', `HTTP/1.1 100 Continue\r\n\r\n${sized}\r\n{}`],
];

const bodies: readonly Row[] = [
  ['a second answer behind the first', 'passed', `${sized}\r\n{}${hidden}`],
  ['a second answer behind chunks', 'passed', `${chunked}2\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['a trailer', 'passed', `${chunked}2\r\n{}\r\n0\r\nSet-Cookie: a=b\r\n\r\n`],
  ['a chunk extension', 'passed', `${chunked}2;x=y\r\n{}\r\n0\r\n\r\n`],
  ['no length, to the end of the connection', 'passed', `${ok}\r\n{}`, 'ends'],
  ['less than its length', 'cut', `${ok}Content-Length: 9\r\n\r\n{}`, 'ends'],
  ['chunks without an end', 'cut', `${chunked}2\r\n{}\r\n`, 'ends'],
  ['half a chunk', 'cut', `${chunked}9\r\n{}`, 'ends'],
  ['a chunk size that is a word', 'cut', `${chunked}two\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['a chunk size with a plus', 'cut', `${chunked}+2\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['a chunk size past 64 bits', 'cut', `${chunked}10000000000000002\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['a blank before a chunk size', 'cut', `${chunked} 2\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['a bare LF behind a chunk size', 'cut', `${chunked}2\n{}\r\n0\r\n\r\n${hidden}`],
  ['a bare LF behind a chunk', 'cut', `${chunked}2\r\n{}\n0\r\n\r\n${hidden}`],
  ['a chunk longer than its size', 'cut', `${chunked}1\r\n{}\r\n0\r\n\r\n${hidden}`],
  ['an end with a bare LF', 'cut', `${chunked}2\r\n{}\r\n0\n\n${hidden}`],
  ['an extension with a bare LF', 'cut', `${chunked}2;a\n{}\r\n0\r\n\r\n${hidden}`],
];

export const answerAttacks: readonly AnswerAttack[] = [...heads, ...bodies].map(
  ([name, verdict, bytes, ends]) => ({ name, verdict, bytes, ends: ends === 'ends' }),
);
