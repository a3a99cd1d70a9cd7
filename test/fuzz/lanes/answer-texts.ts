import * as fc from 'fast-check';

import type { UpstreamAnswer } from './lane-case.ts';

const ok = 'HTTP/1.1 200 OK\r\n';
const json = 'Content-Type: application/json\r\n';
const events = 'Content-Type: text/event-stream\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n';

const usual: readonly UpstreamAnswer[] = [
  keep(`${ok}${json}Content-Length: 15\r\n\r\n{"result":true}`),
  keep(`${ok}${json}Content-Length: 2\r\nMcp-Session-Id: 0f7f3c9a\r\n\r\n{}`),
  keep('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n'),
  keep(`${ok}${json}${chunked}\r\n2\r\n{}\r\n0\r\n\r\n`),
  keep(`${ok}${events}${chunked}\r\n`, '9\r\ndata: a\n\n\r\n', '9\r\ndata: b\n\n\r\n0\r\n\r\n'),
  keep('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found'),
];

/** How many bytes the body has, and how it says so. */
const odd: readonly UpstreamAnswer[] = [
  // In pieces.
  keep('HTTP/1.1 200 OK\r\nContent-Le', 'ngth: 4\r\n\r\nab', 'cd'),
  keep(`${ok}${chunked}\r\n5\r`, '\nhello\r\n0', '\r\n\r\n'),
  keep(`${ok}Content-Length: 20000\r\n\r\n<<x*20000>>`),
  keep(`${ok}Content-Length: 110000\r\n\r\n<<x*110000>>`),
  keep(`${ok}${chunked}\r\n4e20\r\n<<x*20000>>\r\n`, '3\r\nabc\r\n0\r\n\r\n'),
  keep(`${ok}${chunked}\r\n<<1\r\na\r\n*300>>0\r\n\r\n`),
  // Too short, too long, never.
  keep(`${ok}Content-Length: 10\r\n\r\nabc`),
  end(`${ok}Content-Length: 10\r\n\r\nabc`),
  end(`${ok}Content-Length: 10\r\n\r\n`, 'abc'),
  cut(`${ok}Content-Length: 10\r\n\r\n`, 'abc'),
  cut(`${ok}Content-Length: 30000\r\n\r\n<<x*20000>>`),
  keep(`${ok}Content-Length: 2\r\n\r\n{}surplus`),
  keep(`${ok}Content-Length: 2\r\n\r\n{}${ok}Content-Length: 6\r\n\r\nhidden`),
  keep(`${ok}Content-Length: 0\r\n\r\n{}`),
  keep(`${ok}${chunked}\r\n0\r\n\r\n${ok}Content-Length: 6\r\n\r\nhidden`),
  keep(''),
  end(''),
  cut(''),
  keep('HTTP/1.1 200'),
  end('HTTP/1.1 200 OK\r\nContent-'),
  // To the end of the connection.
  end(`${ok}\r\nto the end`),
  end(`${ok}\r\n`, 'to the', ' end'),
  cut(`${ok}\r\nto the end`),
  end(`${ok}Connection: close\r\n${json}\r\n{}`),
  end('HTTP/1.0 200 OK\r\n\r\nold'),
  keep('HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold'),
  end(`${ok}Connection: close\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}Connection: close\r\nContent-Length: 2\r\n\r\n{}`),
  // Lengths and codings that can be read in two ways.
  keep(`${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}abc`),
  keep(`${ok}Content-Length: 2, 2\r\n\r\n{}`),
  keep(`${ok}Content-Length: +2\r\n\r\n{}`),
  keep(`${ok}Content-Length: x\r\n\r\n{}`),
  keep(`${ok}Content-Length: 999999999999999\r\n\r\n{}`),
  keep(`${ok}Content-Length: 9999999999999999\r\n\r\n{}`),
  keep(`${ok}Content-Length: 2\r\n${chunked}\r\n2\r\n{}\r\n0\r\n\r\n`),
  keep(`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
  keep(`${ok}Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}${chunked}${chunked}\r\n2\r\n{}\r\n0\r\n\r\n`),
  keep(`${ok}${chunked}\r\n2;a=b\r\n{}\r\n0\r\nX-T: y\r\n\r\n`),
  keep(`${ok}${chunked}\r\n2\r\n{}\r\n`, 'zz\r\n'),
  keep(`${ok}${chunked}\r\n2\r\n{}\r\nzz\r\n`),
  keep(`${ok}${chunked}\r\n3\r\n{}\r\n0\r\n\r\n`),
  keep(`${ok}${chunked}\r\nfffffffff\r\n{}`),
  end(`${ok}${chunked}\r\n2\r\n{}\r\n`),
  end(`${ok}${chunked}\r\n2\r\n{}\r\n0\r\n`),
  cut(`${ok}${chunked}\r\n2\r\n{}\r\n`, '5\r\nab'),
  keep(`${ok}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`),
  // Statuses with a meaning of their own.
  keep('HTTP/1.1 204 No Content\r\n\r\n'),
  keep('HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}'),
  keep(`HTTP/1.1 204 No Content\r\n${chunked}\r\n0\r\n\r\n`),
  keep('HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
  keep(`HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 2\r\n\r\n{}`),
  keep('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', `${ok}Content-Length: 2\r\n\r\n{}`),
  keep('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes'),
  keep('HTTP/1.1 199 X\r\n\r\n'),
  keep('HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="x"\r\nContent-Length: 2\r\n\r\nno'),
  keep('HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno'),
  keep('HTTP/1.1 307 Moved\r\nLocation: /mcp/moved\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 308 Moved\r\nLocation: /mcp/elsewhere\r\nContent-Length: 5\r\n\r\n', 'moved'),
  keep('HTTP/1.1 307 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n'),
  keep('HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops'),
  keep('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n'),
  // Heads.
  keep('HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}'),
  keep('HTTP/1.1 200 \xe9\r\nContent-Length: 2\r\n\r\n{}'),
  keep('HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
  keep('ICY 200 OK\r\n\r\n'),
  keep('HTTP/1.1 200 OK\nContent-Length: 2\n\n{}'),
  keep(`${ok}X-A : b\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}X-A: \0\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}Set-Cookie: a=b\r\nServer: x\r\nVia: 1.1 y\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}Content-Encoding: gzip\r\nETag: "a"\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\n{}`),
  keep(
    `${ok}Access-Control-Allow-Origin: *\r\nVary: Accept\r\nDate: x\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\n{}`,
  ),
  keep(`${ok}Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}X-A: <<b*15000>>\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}X-A: <<b*70000>>\r\nContent-Length: 2\r\n\r\n{}`),
  keep(`${ok}<<X-A: b\r\n*150>>Content-Length: 2\r\n\r\n{}`),
  keep(`${ok}Connection: x-a, close\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}`),
  // Streams.
  keep(`${ok}${events}${chunked}\r\n`),
  keep(`${ok}${events}${chunked}\r\n9\r\ndata: a\n\n\r\n`),
  keep(`${ok}${events}Content-Length: 9\r\n\r\ndata: a\n\n`),
  keep(`${ok}${events}Content-Length: 18\r\n\r\ndata: a\n\n`),
  end(`${ok}${events}\r\ndata: a\n\n`, 'data: b\n\n'),
  cut(`${ok}${events}${chunked}\r\n9\r\ndata: a\n\n\r\n`),
  keep(
    `${ok}Content-Type: text/event-stream; charset=utf-8\r\n${chunked}\r\n5\r\ndata:\r\n`,
    '4\r\n a\n\n\r\n0\r\n\r\n',
  ),
];

function keep(...pieces: string[]): UpstreamAnswer {
  return { pieces, on: 'body', after: 'keep' };
}

function end(...pieces: string[]): UpstreamAnswer {
  return { pieces, on: 'body', after: 'end' };
}

function cut(...pieces: string[]): UpstreamAnswer {
  return { pieces, on: 'body', after: 'cut' };
}

/** What an upstream answers: half of the time what any of them would. */
export const upstreamAnswer: fc.Arbitrary<UpstreamAnswer> = fc
  .tuple(
    fc.oneof(fc.constantFrom(...usual), fc.constantFrom(...odd)),
    fc.oneof({ arbitrary: fc.constant('body' as const), weight: 9 }, fc.constant('head' as const)),
  )
  .map(([answer, on]) => ({ ...answer, on }));
