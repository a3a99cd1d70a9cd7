/**
 * Requests that two servers could cut at different places, and their harmless neighbours. Each is a POST to the mount
 * with a good token, so that nothing but its framing can stop it, and most of them hide a second request that nobody
 * made: see `smuggled`.
 */

/**
 * `refused`: 400, and the connection is closed. `unknown coding`: the same with 501. `one`: legal in one way only, so
 * that it arrives, framed anew, with the body `{}`.
 */
export type FramingVerdict = 'refused' | 'unknown coding' | 'one';

export interface FramingAttack {
  readonly name: string;
  readonly verdict: FramingVerdict;
  /** latin1 */
  readonly bytes: string;
}

/** Where a request that was hidden in another one would arrive. */
const smuggledTarget = '/mcp/smuggled';

/** A request that nobody made, complete and with a good token. */
export function smuggled(token: string): string {
  return (
    `POST ${smuggledTarget} HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${token}\r\n` +
    'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
  );
}

const chunkedLine = 'Transfer-Encoding: chunked';
const wholeChunks = '2\r\n{}\r\n0\r\n\r\n';

type Row = readonly [name: string, verdict: FramingVerdict, lines: readonly string[], body: string];

/** Header lines that frame, behind those every attack has. `HIDDEN` is the second request, in a body that is `{}` to one reader. */
const codings: readonly Row[] = [
  ['CL.TE', 'refused', ['Content-Length: 12', chunkedLine], `${wholeChunks}HIDDEN`],
  ['TE.CL', 'refused', [chunkedLine, 'Content-Length: 12'], `${wholeChunks}HIDDEN`],
  ['CL.TE with no chunk', 'refused', ['Content-Length: 5', chunkedLine], '0\r\n\r\nHIDDEN'],
  ['CL 0 and TE', 'refused', ['Content-Length: 0', chunkedLine], `${wholeChunks}HIDDEN`],
  [
    'two codings on two lines',
    'refused',
    [chunkedLine, 'Transfer-Encoding: identity'],
    `${wholeChunks}HIDDEN`,
  ],
  [
    'two codings, chunked last',
    'unknown coding',
    ['Transfer-Encoding: identity', chunkedLine],
    `${wholeChunks}HIDDEN`,
  ],
  ['chunked twice on two lines', 'refused', [chunkedLine, chunkedLine], `${wholeChunks}HIDDEN`],
  ['chunked twice on one', 'refused', ['Transfer-Encoding: chunked, chunked'], `${wholeChunks}HIDDEN`],
  ['identity alone', 'unknown coding', ['Transfer-Encoding: identity'], `${wholeChunks}HIDDEN`],
  ['identity and CL', 'refused', ['Transfer-Encoding: identity', 'Content-Length: 2'], '{}HIDDEN'],
  ['chunked, identity', 'refused', ['Transfer-Encoding: chunked, identity'], `${wholeChunks}HIDDEN`],
  ['gzip, chunked', 'unknown coding', ['Transfer-Encoding: gzip, chunked'], `${wholeChunks}HIDDEN`],
  ['xchunked', 'unknown coding', ['Transfer-Encoding: xchunked'], `${wholeChunks}HIDDEN`],
  ['xchunked and CL', 'refused', ['Transfer-Encoding: xchunked', 'Content-Length: 2'], '{}HIDDEN'],
  ['chunk', 'unknown coding', ['Transfer-Encoding: chunk'], `${wholeChunks}HIDDEN`],
  ['"chunked"', 'unknown coding', ['Transfer-Encoding: "chunked"'], `${wholeChunks}HIDDEN`],
  ['chunked with a parameter', 'unknown coding', ['Transfer-Encoding: chunked;q=1'], `${wholeChunks}HIDDEN`],
  ['an empty coding and CL', 'refused', ['Transfer-Encoding:', 'Content-Length: 2'], '{}HIDDEN'],
  ['a coding behind a vertical tab', 'refused', ['Transfer-Encoding: \u000bchunked'], `${wholeChunks}HIDDEN`],
  ['a coding behind a NUL', 'refused', ['Transfer-Encoding: \0chunked'], `${wholeChunks}HIDDEN`],
  ['a coding before a NUL', 'refused', ['Transfer-Encoding: chunked\0'], `${wholeChunks}HIDDEN`],
  [
    'a coding behind obs-text',
    'unknown coding',
    ['Transfer-Encoding: \u00a0chunked'],
    `${wholeChunks}HIDDEN`,
  ],
  ['a folded coding', 'refused', ['Transfer-Encoding:', ' chunked'], `${wholeChunks}HIDDEN`],
  ['a coding folded behind CL', 'refused', ['Content-Length: 2', ' Transfer-Encoding: chunked'], '{}HIDDEN'],
  [
    'a coding folded behind a tab',
    'refused',
    ['X-A: b', '\tTransfer-Encoding: chunked', 'Content-Length: 2'],
    '{}HIDDEN',
  ],
  ['a blank before the colon', 'refused', ['Transfer-Encoding : chunked'], `${wholeChunks}HIDDEN`],
  ['a tab before the colon', 'refused', ['Transfer-Encoding\t: chunked', 'Content-Length: 2'], '{}HIDDEN'],
  [
    'a coding behind a bare LF',
    'refused',
    ['X-A: b\nTransfer-Encoding: chunked', 'Content-Length: 2'],
    '{}HIDDEN',
  ],
  [
    'a coding behind a bare CR',
    'refused',
    ['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 2'],
    '{}HIDDEN',
  ],
  [
    'a CR at the end of a coding',
    'refused',
    ['Transfer-Encoding: chunked\r', 'Content-Length: 2'],
    '{}HIDDEN',
  ],
  ['a name with a NUL', 'refused', ['Transfer-Encoding\0: chunked', 'Content-Length: 2'], '{}HIDDEN'],
  ['a name with a bracket', 'refused', ['Transfer-Encoding(: chunked', 'Content-Length: 2'], '{}HIDDEN'],
  ['a name with a blank', 'refused', ['X Transfer-Encoding: chunked', 'Content-Length: 2'], '{}HIDDEN'],
  ['a name behind a colon', 'refused', [': Transfer-Encoding: chunked', 'Content-Length: 2'], '{}HIDDEN'],
  ['a line without a colon', 'refused', ['Transfer-Encoding', 'Content-Length: 2'], '{}HIDDEN'],
  ['an underscore in the name', 'one', ['Transfer_Encoding: chunked', 'Content-Length: 2'], '{}'],
  ['upper case', 'one', ['TRANSFER-ENCODING: CHUNKED'], wholeChunks],
  ['a tab before the coding', 'one', ['Transfer-Encoding:\tchunked'], wholeChunks],
  ['no blank before the coding', 'one', ['Transfer-Encoding:chunked'], wholeChunks],
  ['blanks behind the coding', 'refused', ['Transfer-Encoding: chunked \t '], wholeChunks],
  [
    'a coding for the trailer',
    'refused',
    [chunkedLine],
    '2\r\n{}\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n',
  ],
];

const lengths: readonly Row[] = [
  ['two equal lengths', 'refused', ['Content-Length: 2', 'Content-Length: 2'], '{}HIDDEN'],
  ['two lengths, the first longer', 'refused', ['Content-Length: 9', 'Content-Length: 2'], '{}HIDDEN'],
  ['two lengths, the second longer', 'refused', ['Content-Length: 2', 'Content-Length: 9'], '{}HIDDEN'],
  ['two lengths in two spellings', 'refused', ['Content-Length: 2', 'content-length: 9'], '{}HIDDEN'],
  ['a list of equal lengths', 'refused', ['Content-Length: 2, 2'], '{}HIDDEN'],
  ['a list of lengths', 'refused', ['Content-Length: 2, 9'], '{}HIDDEN'],
  ['a length with a plus', 'refused', ['Content-Length: +2'], '{}HIDDEN'],
  ['a length below zero', 'refused', ['Content-Length: -2'], '{}HIDDEN'],
  ['a length in hexadecimal', 'refused', ['Content-Length: 0x2'], '{}HIDDEN'],
  ['a length with an exponent', 'refused', ['Content-Length: 2e0'], '{}HIDDEN'],
  ['a length with a fraction', 'refused', ['Content-Length: 2.0'], '{}HIDDEN'],
  ['a length with a blank in it', 'refused', ['Content-Length: 2 9'], '{}HIDDEN'],
  ['a length with a word', 'refused', ['Content-Length: 2x'], '{}HIDDEN'],
  ['a length with an underscore', 'refused', ['Content-Length: 0_2'], '{}HIDDEN'],
  ['a length with a semicolon', 'refused', ['Content-Length: 2;'], '{}HIDDEN'],
  ['an empty length', 'refused', ['Content-Length:'], '{}HIDDEN'],
  ['a folded length', 'refused', ['Content-Length:', ' 2'], '{}HIDDEN'],
  ['a length past 64 bits', 'refused', ['Content-Length: 18446744073709551618'], '{}HIDDEN'],
  ['a length with a NUL', 'refused', ['Content-Length: 2\0'], '{}HIDDEN'],
  ['a length with a blank before its colon', 'refused', ['Content-Length : 2'], '{}HIDDEN'],
  ['a length behind a bare LF', 'refused', ['X-A: b\nContent-Length: 9', 'Content-Length: 2'], '{}HIDDEN'],
  ['an underscore in the name of a length', 'one', ['Content_Length: 9', 'Content-Length: 2'], '{}'],
  ['blanks around a length', 'one', ['Content-Length: \t2 \t'], '{}'],
  ['zeros before a length', 'one', ['Content-Length: 0002'], '{}'],
];

const bodies: readonly Row[] = [
  ['a size with a plus', 'refused', [chunkedLine], '+2\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a size with 0x', 'refused', [chunkedLine], '0x2\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a size below zero', 'refused', [chunkedLine], '-2\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a blank before a size', 'refused', [chunkedLine], ' 2\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a blank behind a size', 'refused', [chunkedLine], '2 \r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a tab behind a size', 'refused', [chunkedLine], '2\t\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['an empty size', 'refused', [chunkedLine], '\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a size that is a word', 'refused', [chunkedLine], 'two\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a size past 64 bits', 'refused', [chunkedLine], '10000000000000002\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a size with an underscore', 'refused', [chunkedLine], '0_2\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a bare LF behind a size', 'refused', [chunkedLine], '2\n{}\r\n0\r\n\r\nHIDDEN'],
  ['a bare LF behind every line', 'refused', [chunkedLine], '2\n{}\n0\n\nHIDDEN'],
  ['a bare LF behind a chunk', 'refused', [chunkedLine], '2\r\n{}\n0\r\n\r\nHIDDEN'],
  ['a bare CR behind a size', 'refused', [chunkedLine], '2\r{}\r\n0\r\n\r\nHIDDEN'],
  ['a bare CR behind a chunk', 'refused', [chunkedLine], '2\r\n{}\rX0\r\n\r\nHIDDEN'],
  ['two bytes in the place of CRLF', 'refused', [chunkedLine], '2\r\n{}XX0\r\n\r\nHIDDEN'],
  ['no CRLF behind a chunk', 'refused', [chunkedLine], '2\r\n{}0\r\n\r\nHIDDEN'],
  ['a chunk longer than its size', 'refused', [chunkedLine], '1\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['an end with a bare LF', 'refused', [chunkedLine], '2\r\n{}\r\n0\n\nHIDDEN'],
  ['an end with CR and X', 'refused', [chunkedLine], '2\r\n{}\r\n0\r\n\rXHIDDEN'],
  ['an extension with a bare LF', 'refused', [chunkedLine], '2;a\n{}\r\n0\r\n\r\nHIDDEN'],
  ['an extension with a bare CR', 'refused', [chunkedLine], '2;a\rb\r\n{}\r\n0\r\n\r\nHIDDEN'],
  ['an extension with a NUL', 'refused', [chunkedLine], '2;a\0b\r\n{}\r\n0\r\n\r\nHIDDEN'],
  [
    'an extension that is too long',
    'refused',
    [chunkedLine],
    `2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\nHIDDEN`,
  ],
  [
    'a trailer without a colon',
    'refused',
    [chunkedLine],
    '2\r\n{}\r\n0\r\nPOST /mcp/smuggled HTTP/1.1\r\n\r\nHIDDEN',
  ],
  ['a trailer folded', 'refused', [chunkedLine], '2\r\n{}\r\n0\r\nX-A: b\r\n c\r\n\r\nHIDDEN'],
  ['a trailer with a bare LF', 'refused', [chunkedLine], '2\r\n{}\r\n0\r\nX-A: b\nX-B: c\r\n\r\nHIDDEN'],
  ['an extension', 'one', [chunkedLine], '2;name=value\r\n{}\r\n0;last\r\n\r\n'],
  ['an extension in quotes', 'one', [chunkedLine], '2;name="a;b"\r\n{}\r\n0\r\n\r\n'],
  ['zeros before a size', 'one', [chunkedLine], '00000002\r\n{}\r\n000\r\n\r\n'],
  ['a byte at a time', 'one', [chunkedLine], '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n'],
];

/** The whole table, with this token for the attack as well as for what is hidden in it. */
export function listFramingAttacks(token: string): readonly FramingAttack[] {
  return [...codings, ...lengths, ...bodies].map(([name, verdict, lines, body]) => ({
    name,
    verdict,
    bytes: `${attackHead(token, lines)}\r\n\r\n${body.replace('HIDDEN', () => smuggled(token))}`,
  }));
}

/** The head of a POST to the mount with these lines, without what ends it. */
function attackHead(token: string, lines: readonly string[], line = 'POST /mcp HTTP/1.1'): string {
  const usual = ['Host: gatehouse.test', `Authorization: Bearer ${token}`, 'Content-Type: application/json'];
  return [line, ...usual, ...lines].join('\r\n');
}
