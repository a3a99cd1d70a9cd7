import * as fc from 'fast-check';

import type { Ending, LaneCase, Piece } from './lane-case.ts';
import { upstreamAnswer } from './answer-texts.ts';

type Texts = readonly string[];

/** Mostly one of the first, which are usual. */
function mostly(usual: Texts, odd: Texts, weight = 12): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: fc.constantFrom(...usual), weight },
    { arbitrary: fc.constantFrom(...odd), weight: 1 },
  );
}

const method = mostly(
  ['POST', 'POST', 'POST', 'GET', 'DELETE'],
  [
    'OPTIONS',
    'HEAD',
    'PUT',
    'PATCH',
    'CONNECT',
    'TRACE',
    'post',
    'POSTS',
    'PRI',
    'QUERY',
    'G@T',
    '',
    '\r\nPOST',
  ],
);
const target = mostly(
  ['/mcp', '/mcp', '/mcp', '/mcp/x', '/mcp?a=b', '/mcp/x/y?c=d&e=%20', '/mcp/'],
  [
    '/mcp/../mcp',
    '/mcp/..',
    '/mcp/.',
    '/mcp/./x',
    '/x/../mcp',
    '/mcp/%2e%2e/x',
    '/mcp/%2e',
    '/mcp/...',
    '/mcp%2fx',
    '/mcp/%2fx',
    '/mcp/%5cx',
    '/mcp\\x',
    '/mcp/x\\y',
    '/mcp/%c0%af',
    '/mcp/%',
    '/mcp/%zz',
    '/mcp//x',
    '//mcp',
    '///mcp',
    '/mcp//',
    '/mcp;a=b',
    '/mcp/x;a',
    '/mcp?a;b',
    '/mcp?//..',
    '/mcp%',
    '/mcp.',
    '/mcpx',
    '/mcp-',
    '/MCP',
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/x',
    '/authorize',
    '/token',
    '/mcp#a',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-authorization-server',
    '/mcp/.well-known/',
    '/mcp/.well-known/oauth-protected-resource',
    '/mcp/.well-known/x',
    '/mcp%20',
    '/mcp/%00',
    '/mcp/a%0d%0aX:b',
    'http://gatehouse.test/mcp',
    'https://evil.test/mcp',
    'gatehouse.test:80',
    '*',
    'mcp',
    '',
    '/mcp x',
    '/mcp	',
    '/mcp?access_token=<<good>>',
    '/mcp?ACCESS_TOKEN=x',
    '/mcp?a=b;access_token=c',
    '/mcp/é',
    '/mcp/\0',
    '/mcp"',
    '/mcp/<<a*8000>>',
    '/mcp/<<a*8187>>',
    '/mcp/<<a*8188>>',
    '/mcp/<<a*16300>>',
    '/mcp?{}|^`',
    '/mcp/{x}',
    '/mcp?<<&a*4000>>',
  ],
  5,
);
const version = mostly(
  ['HTTP/1.1'],
  ['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.2', 'HTTP/1.10', 'HTTP/1.', ''],
  24,
);
const blank = mostly([' '], ['  ', '\t', '', ' \t'], 60);
const host = mostly(
  ['Host: gatehouse.test'],
  [
    '',
    'Host: ',
    'Host: a\r\nHost: b',
    'Host: gatehouse.test\r\nHost: gatehouse.test',
    'host: gatehouse.test',
    'Host: gatehouse.test:443',
    'Host: evil.test',
    'Host: gatehouse.test, b',
    'Host: a b',
    'Host: a@b',
    'Host: a/b',
    'Host: [::1]',
    'Host: 127.0.0.1:1',
    'Host: 1.2',
    'Host: gatehouse.test:99999',
    'Host: xn--a',
    'Host: é',
    'Host : a',
    'Host: GATEHOUSE.test.',
    'Host:gatehouse.test',
    'Host:	 gatehouse.test 	',
    'Host: a_b',
    'Host: a:',
    'X: y\r\n Host: a',
  ],
);
const authorization = mostly(
  ['Authorization: Bearer <<good>>', 'Authorization: Bearer <<good>>', 'authorization: bearer <<bob>>'],
  [
    '',
    'Authorization: Bearer <<bad>>',
    'Authorization: Bearer <<expired>>',
    'Authorization: Bearer <<foreign>>',
    'Authorization: Bearer <<revoked>>',
    'Authorization: Basic YTpi',
    'Authorization: Bearer',
    'Authorization: Bearer ',
    'Authorization: Bearer  <<good>>',
    'Authorization: Bearer <<good>> ',
    'Authorization: Bearer	<<good>>',
    'Authorization: Bearer <<good>>\r\nAuthorization: Bearer <<good>>',
    'Authorization: <<good>>',
    'Authorization:',
    'Authorization: Bearer <<good>>, Bearer <<bob>>',
    'Authorization: Bearer "<<good>>"',
    'Authorization: Bearer aé',
    'Authorization: Basic x\r\nAuthorization: Bearer <<good>>',
    'Authorization: Bearer <<x*9000>>',
    'X-Authorization: Bearer <<good>>',
  ],
  5,
);
const field = mostly(
  [
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    'Mcp-Session-Id: 0f7f3c9a',
    'MCP-Protocol-Version: 2025-11-25',
    'User-Agent: fuzz/1',
    'Accept-Encoding: gzip, br',
    'Last-Event-ID: 7',
    'Connection: keep-alive',
    'Connection: close',
    'Origin: https://gatehouse.test',
    'Origin: https://app.test',
    'Cookie: a=b',
    'X-A: b',
    'X-A:',
    'X-A: 	 b 	',
    'X-A: éÿ',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ],
  [
    'Connection: Close',
    'Connection: keep-alive, close',
    'Connection: close, x-a',
    'Connection: upgrade',
    'Connection:',
    'Connection: close\r\nConnection: keep-alive',
    'Connection: Authorization',
    'Connection: te',
    'Connection: keep-alive\r\nKeep-Alive: timeout=1',
    'Upgrade: websocket',
    'Connection: Upgrade\r\nUpgrade: websocket',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
    'Expect: 100-continue',
    'Expect: 100-Continue',
    'Expect: tea',
    'Expect:',
    'TE: trailers',
    'Trailer: X-Sum',
    'Proxy-Connection: close',
    'Content-Type: application/json\r\nContent-Type: text/plain',
    'Mcp-Session-Id: a\r\nMcp-Session-Id: b',
    'Origin: https://evil.test',
    'Origin: https://app.test\r\nOrigin: https://app.test',
    'Origin: null',
    'Origin:',
    'Accept: a\r\nAccept: b',
    'Mcp-Method: tools/call',
    'X-User-Sub: root',
    'X_User_Sub: root',
    'X-Forwarded-For: 1.2.3.4',
    'Forwarded: for=1.2.3.4',
    'X-Request-Id: mine',
    'Via: 1.1 a',
    'X-A : b',
    'X A: b',
    ': b',
    'X-A',
    ' X-A: b',
    'X-A: b\r\n c',
    'X-A: b\nX-B: c',
    'X-A: b\rX-B: c',
    'X-A: \0',
    'X-A: ',
    'X-é: b',
    'Access-Control-Request-Method: POST',
    'Access-Control-Request-Headers: x-a, authorization',
    'Content-Encoding: gzip',
    'X-A: <<b*8000>>',
    'X-A: <<b*15000>>',
    'X-A: <<b*16400>>',
    '<<X-A: b\r\n*90>>X-B: c',
    '<<X-A: b\r\n*96>>X-B: c',
    '<<X-A: b\r\n*100>>X-B: c',
    '<<X: b\r\n*2000>>X-B: c',
    'Content-Length: 0',
    'Content-Length: 2',
    'Transfer-Encoding: chunked',
    'Range: bytes=0-1',
    'Mcp-Param-A: b',
  ],
  3,
);

const json = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
/** A request that nobody made, in what may be the body of another. */
const hidden =
  'POST /mcp/hidden HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer <<good>>\r\nContent-Length: 2\r\n\r\n{}';
const usualBodies: Texts = [json, '{}', '[]', json, '{"a":"\xe9"}'];

/** Header lines that frame, and what comes behind the head. */
const framed: fc.Arbitrary<readonly [lines: string, body: string]> = fc.oneof(
  {
    arbitrary: fc
      .constantFrom(...usualBodies)
      .map((body) => [`Content-Length: ${body.length}`, body] as const),
    weight: 12,
  },
  { arbitrary: fc.constant(['', ''] as const), weight: 6 },
  {
    arbitrary: fc.constantFrom(
      ...([
        ['Content-Length: 0', ''],
        ['Content-Length: 0', '{}'],
        ['Content-Length: 10', '{}'],
        ['Content-Length: 1', '{}'],
        ['Content-Length: 2', `{}${hidden}`],
        ['Content-Length: 154', hidden],
        ['Content-Length: 02', '{}'],
        ['Content-Length: +2', '{}'],
        ['Content-Length: -2', '{}'],
        ['Content-Length: 2, 2', '{}'],
        ['Content-Length: 2\r\nContent-Length: 2', '{}'],
        ['Content-Length: 2\r\nContent-Length: 3', '{}'],
        ['Content-Length: 0x2', '{}'],
        ['Content-Length: 2 2', '{}'],
        ['Content-Length: \xa02', '{}'],
        ['Content-Length:', '{}'],
        ['Content-Length: 99999999999999999999', '{}'],
        ['Content-Length: 999999999999999', '{}'],
        ['Content-Length: 65536', '<<x*65536>>'],
        ['Content-Length: 65537', '<<x*65537>>'],
        ['Content-Length: 81920', '<<x*81920>>'],
        ['Content-Length: 81921', '<<x*81921>>'],
        ['Content-Length: 81000', '<<x*40000>>'],
        ['Content-Length: 66000', `<<x*66000>>${hidden}`],
        ['Content-Length: 100000', '<<x*100000>>'],
        ['Content-Length: 900000', '<<x*110000>>'],
        ['Transfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: chunked', '2\r\n{}\r\n'],
        ['Transfer-Encoding: chunked', '2;a=b\r\n{}\r\n0\r\nX-T: y\r\n\r\n'],
        ['Transfer-Encoding: chunked', `1\r\n{\r\n1\r\n}\r\n0\r\n\r\n${hidden}`],
        ['Transfer-Encoding: chunked', '0\r\n\r\n'],
        ['Transfer-Encoding: chunked', '3\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: chunked', 'x\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: chunked', '15f90\r\n<<x*90000>>\r\n0\r\n\r\n'],
        ['Transfer-Encoding: Chunked', '2\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: gzip, chunked', '2\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: identity', '{}'],
        ['Transfer-Encoding: xchunked', '2\r\n{}\r\n0\r\n\r\n'],
        ['Transfer-Encoding: chunked\r\nContent-Length: 2', `2\r\n{}\r\n0\r\n\r\n${hidden}`],
        ['Content-Length: 12\r\nTransfer-Encoding: chunked', `2\r\n{}\r\n0\r\n\r\n${hidden}`],
      ] as const),
    ),
    weight: 7,
  },
);

const request: fc.Arbitrary<string> = fc
  .tuple(
    fc.tuple(method, blank, target, blank, version),
    fc.tuple(host, authorization),
    fc.array(field, { maxLength: 4 }),
    framed,
    mostly(['\r\n'], ['\n', '\r', '\r\r\n', ''], 60),
  )
  .map(([line, [hostLine, credential], fields, [framing, body], end]) => {
    const framingFor = line[0] === 'POST' || framing.length > 20 ? framing : '';
    const lines = [hostLine, ...fields.slice(0, 2), credential, ...fields.slice(2), framingFor];
    const head = [line.join(''), ...lines.filter((each) => each !== '')].join('\r\n');
    return `${head}\r\n${end}${framingFor === '' ? '' : body}`;
  });

interface Cut {
  readonly at: number;
  readonly pause: Piece['pause'];
}

const pause: fc.Arbitrary<Piece['pause']> = fc.constantFrom('turns', 'quiet');
const cuts: fc.Arbitrary<readonly Cut[]> = fc.oneof(
  { arbitrary: fc.constant([]), weight: 4 },
  {
    arbitrary: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), pause }), {
      minLength: 1,
      maxLength: 3,
    }),
    weight: 2,
  },
);

/** Requests one after the other, or at once; whole, or in pieces. */
const pieces: fc.Arbitrary<readonly Piece[]> = fc
  .tuple(
    fc.oneof(
      { arbitrary: fc.array(request, { minLength: 1, maxLength: 1 }), weight: 5 },
      fc.array(request, { minLength: 2, maxLength: 4 }),
    ),
    fc.nat({ max: 3 }),
    cuts,
  )
  .map(([requests, joining, at]) => {
    const texts = joining === 0 ? [requests.join('')] : requests;
    return texts.flatMap((text) => cut(text, at));
  });

function cut(text: string, at: readonly Cut[]): Piece[] {
  const places = at.map((each) => ({ ...each, at: Math.floor(each.at * text.length) }));
  const made: Piece[] = [];
  let from = 0;
  for (const place of places.toSorted((one, other) => one.at - other.at)) {
    if (place.at <= from) continue;
    made.push({ text: text.slice(from, place.at), pause: place.pause });
    from = place.at;
  }
  return [...made, { text: text.slice(from), pause: 'quiet' }];
}

const ending: fc.Arbitrary<Ending> = fc.oneof(
  { arbitrary: fc.constant('wait' as const), weight: 5 },
  fc.constantFrom('half-close' as const, 'held' as const, 'leave-held' as const),
);

/** Cases that know what a request looks like. */
export const structuredCase: fc.Arbitrary<LaneCase> = fc.record({
  pieces,
  ending,
  answers: fc.array(upstreamAnswer, { minLength: 1, maxLength: 2 }),
});
