import { type FramingAttack, type FramingVerdict, smuggled } from './framing-attacks.ts';

/** Request lines and header lines that two servers could read differently. Bytes as they are, `TOKEN` filled in. */
type Row = readonly [name: string, verdict: FramingVerdict, bytes: string];

const host = 'Host: gatehouse.test\r\n';
const usual = `${host}Authorization: Bearer TOKEN\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`;
const rest = `${usual}\r\n{}HIDDEN`;
const harmless = `${usual}\r\n{}`;

const requestLines: readonly Row[] = [
  ['two blanks behind the method', 'one', `POST  /mcp HTTP/1.1\r\n${harmless}`],
  ['two blanks before the version', 'one', `POST /mcp  HTTP/1.1\r\n${harmless}`],
  ['a tab behind the method', 'refused', `POST\t/mcp HTTP/1.1\r\n${rest}`],
  ['a tab before the version', 'refused', `POST /mcp\tHTTP/1.1\r\n${rest}`],
  ['a blank before the method', 'refused', ` POST /mcp HTTP/1.1\r\n${rest}`],
  ['a blank behind the version', 'refused', `POST /mcp HTTP/1.1 \r\n${rest}`],
  ['a word behind the version', 'refused', `POST /mcp HTTP/1.1 /admin\r\n${rest}`],
  ['a method in lower case', 'refused', `post /mcp HTTP/1.1\r\n${rest}`],
  ['a method that nobody knows', 'refused', `FETCH /mcp HTTP/1.1\r\n${rest}`],
  ['a method with a NUL', 'refused', `POST\0 /mcp HTTP/1.1\r\n${rest}`],
  ['a version in lower case', 'refused', `POST /mcp http/1.1\r\n${rest}`],
  ['version 1.2', 'refused', `POST /mcp HTTP/1.2\r\n${rest}`],
  ['version 2.0', 'refused', `POST /mcp HTTP/2.0\r\n${rest}`],
  ['version 0.9', 'refused', `POST /mcp HTTP/0.9\r\n${rest}`],
  ['version 01.1', 'refused', `POST /mcp HTTP/01.1\r\n${rest}`],
  ['version 1.10', 'refused', `POST /mcp HTTP/1.10\r\n${rest}`],
  ['version 11', 'refused', `POST /mcp HTTP/11\r\n${rest}`],
  ['no version', 'refused', `POST /mcp\r\n${rest}`],
  ['no target', 'refused', `POST HTTP/1.1\r\n${rest}`],
  ['a bare LF behind the request line', 'refused', `POST /mcp HTTP/1.1\n${rest}`],
  ['a bare CR behind the request line', 'refused', `POST /mcp HTTP/1.1\r${rest}`],
  ['two CR behind the request line', 'refused', `POST /mcp HTTP/1.1\r\r\n${rest}`],
  ['a NUL in the target', 'refused', `POST /mcp\0 HTTP/1.1\r\n${rest}`],
  ['a target in UTF-8', 'refused', `POST /mcp/\u00c3\u00a9 HTTP/1.1\r\n${rest}`],
  ['an empty line before the request line', 'one', `\r\nPOST /mcp HTTP/1.1\r\n${harmless}`],
];

const line = 'POST /mcp HTTP/1.1\r\n';

const headerLines: readonly Row[] = [
  ['a header line folded', 'refused', `${line}X-A: b\r\n c\r\n${rest}`],
  ['a header line folded with a tab', 'refused', `${line}X-A: b\r\n\tc\r\n${rest}`],
  ['the first header line indented', 'refused', `${line} X-A: b\r\n${rest}`],
  ['a blank before a colon', 'refused', `${line}X-A : b\r\n${rest}`],
  ['a blank in a name', 'refused', `${line}X A: b\r\n${rest}`],
  ['no name', 'refused', `${line}: b\r\n${rest}`],
  ['no colon', 'refused', `${line}X-A\r\n${rest}`],
  ['a name with a bracket', 'refused', `${line}X[A]: b\r\n${rest}`],
  ['a name with obs-text', 'refused', `${line}X-\u00e4: b\r\n${rest}`],
  ['a NUL in a value', 'refused', `${line}X-A: b\0c\r\n${rest}`],
  ['a control character in a value', 'refused', `${line}X-A: b\u0001c\r\n${rest}`],
  ['DEL in a value', 'refused', `${line}X-A: b\u007fc\r\n${rest}`],
  ['a bare CR in a value', 'refused', `${line}X-A: b\rX-B: c\r\n${rest}`],
  ['a bare LF in a value', 'refused', `${line}X-A: b\nX-B: c\r\n${rest}`],
  ['a bare LF behind every line', 'refused', `${line}${rest}`.replaceAll('\r\n', '\n')],
  ['a bare CR behind every line', 'refused', `${line}${rest}`.replaceAll('\r\n', '\r')],
  ['a head that ends with LF LF', 'refused', `${line}${usual.slice(0, -2)}\n\n{}HIDDEN`],
  ['a head that ends with CR LF CR X', 'refused', `${line}${usual}\rX{}HIDDEN`],
  ['no Host', 'refused', `${line}${usual.replace(host, '')}\r\n{}HIDDEN`],
  ['an empty Host', 'one', `${line}${usual.replace(host, 'Host:\r\n')}\r\n{}`],
  ['two Hosts', 'refused', `${line}${host}${rest}`],
  ['two Hosts, the second another', 'refused', `${line}Host: evil.example\r\n${rest}`],
  [
    'a list of Hosts',
    'refused',
    `${line}${usual.replace(host, 'Host: gatehouse.test, evil.example\r\n')}\r\n{}HIDDEN`,
  ],
  [
    'a Host with a path',
    'refused',
    `${line}${usual.replace(host, 'Host: gatehouse.test/x\r\n')}\r\n{}HIDDEN`,
  ],
  [
    'a Host with user information',
    'refused',
    `${line}${usual.replace(host, 'Host: x@gatehouse.test\r\n')}\r\n{}HIDDEN`,
  ],
  [
    'a Host with a port that is none',
    'refused',
    `${line}${usual.replace(host, 'Host: gatehouse.test:http\r\n')}\r\n{}HIDDEN`,
  ],
  ['obs-text in a value', 'one', `${line}X-A: \u00e4\r\n${harmless}`],
  ['an empty value', 'one', `${line}X-A:\r\n${harmless}`],
  ['a tab in a value', 'one', `${line}X-A: b\tc\r\n${harmless}`],
];

/** The whole table, as `listFramingAttacks`. */
export function listHeadAttacks(token: string): readonly FramingAttack[] {
  return [...requestLines, ...headerLines].map(([name, verdict, bytes]) => ({
    name,
    verdict,
    bytes: bytes.replace('HIDDEN', () => smuggled(token)).replace('TOKEN', () => token),
  }));
}
