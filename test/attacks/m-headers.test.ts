import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { answerWithEcho, startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

/** Headers of an answer through the mount that are ours or the connection's, whatever the upstream says. */
const always = [
  'connection',
  'content-length',
  'content-type',
  'date',
  'referrer-policy',
  'vary',
  'x-content-type-options',
  'x-request-id',
];

describe.each(lanes)('what the upstream says to browsers, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
  });

  beforeEach(() => {
    house.upstream.answer = answerWithEcho;
  });

  afterAll(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  /** Calls an upstream that answers with these lines; resolves with the whole answer. */
  async function callFor(
    lines: readonly string[],
    { status = '200 OK', type = 'application/json', body = '{}' } = {},
  ): Promise<string> {
    house.upstream.answer = (_, socket) => {
      const head = [
        `HTTP/1.1 ${status}`,
        `Content-Type: ${type}`,
        `Content-Length: ${body.length}`,
        ...lines,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    };
    const raw = house.connect();
    raw.socket.write(
      'GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n' +
        `Authorization: Bearer ${house.issue()}\r\n\r\n`,
    );
    await raw.closed;
    return raw.received();
  }

  /** Names of its headers, sorted, without those that every public answer of ours has. */
  function readNames(text: string): readonly string[] {
    const [head = ''] = text.split('\r\n\r\n', 1);
    const names = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(':', 1)[0]?.toLowerCase() ?? '');
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    return names.filter((name) => !always.includes(name) && !ours.includes(name)).toSorted();
  }

  const ours = ['content-security-policy', 'strict-transport-security', 'x-frame-options', 'keep-alive'];

  async function expectFineForOthers(): Promise<void> {
    house.upstream.answer = answerWithEcho;
    const body = '{"after":1}';
    const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
  }

  it.each([
    ['of a name of ours', ['Set-Cookie: __Host-gatehouse=x; Path=/; Secure']],
    ['for a domain', ['Set-Cookie: a=b; Domain=gatehouse.test', 'set-cookie2: a=b']],
    ['by the hundred', Array.from({ length: 60 }, (_, at) => `Set-Cookie: c${at}=${'x'.repeat(100)}`)],
    ['in a name with an underscore', ['Set_Cookie: a=b']],
  ])('176: cookies %s are dropped', async (_what, lines) => {
    const text = await callFor(lines);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(readNames(text)).toEqual([]);
    await expectFineForOthers();
  });

  it.each([
    'Access-Control-Allow-Origin: *',
    'Access-Control-Allow-Credentials: true',
    'Clear-Site-Data: "*"',
    'Refresh: 0; url=https://evil.example',
    'Service-Worker-Allowed: /',
    'SourceMap: https://evil.example/x.map',
    'Alt-Svc: h2="evil.example:443"',
    'Link: <https://evil.example>; rel=preload',
    'Report-To: {"endpoints":[{"url":"https://evil.example"}]}',
    'NEL: {"report_to":"x"}',
    'Reporting-Endpoints: x="https://evil.example"',
    'WWW-Authenticate: Basic realm="x"',
    'Proxy-Authenticate: Basic realm="x"',
    'Authentication-Info: x',
    'X-User-Sub: root',
    'X-Accel-Redirect: /internal',
    'X-Sendfile: /etc/passwd',
    'Location: https://evil.example',
    'Content-Location: https://evil.example',
    'Content-Disposition: attachment; filename=x.exe',
    'Public-Key-Pins: x',
    'Upgrade: h2c',
    'Trailer: Set-Cookie',
    'Proxy-Connection: keep-alive',
  ])('178: %s is dropped', async (line) => {
    const text = await callFor([line]);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(readNames(text)).toEqual([]);
    expect(text).not.toContain('evil');
    await expectFineForOthers();
  });

  it.each([
    ['Strict-Transport-Security: max-age=0', /max-age=0/],
    ["Content-Security-Policy: default-src 'unsafe-inline'", /unsafe-inline/],
    ['X-Content-Type-Options: none', /x-content-type-options: none/i],
    ['Referrer-Policy: unsafe-url', /unsafe-url/],
    ['X-Request-Id: theirs', /theirs/],
    ['Connection: X-Content-Type-Options, Content-Length', /connection: x-/i],
    ['Date: Thu, 01 Jan 1970 00:00:00 GMT', /1970/],
  ])('178: %s takes nothing of ours away', async (line, theirs) => {
    const text = await callFor([line]);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).not.toMatch(theirs);
    expect(text).toMatch(/^x-content-type-options: nosniff\r$/im);
    expect(readNames(text)).toEqual([]);
    await expectFineForOthers();
  });

  it.each([
    'text/html',
    'text/html; charset=utf-8',
    'TEXT/HTML',
    'application/xhtml+xml',
    'image/svg+xml',
    'x/y',
  ])('179: a document of type %s is shown without rights and without an origin', async (type) => {
    const text = await callFor([], { type, body: '<script>alert(1)</script>' });
    expect(text).toMatch(
      /^content-security-policy: default-src 'none'; frame-ancestors 'none'; sandbox\r$/im,
    );
    expect(text).toMatch(/^x-content-type-options: nosniff\r$/im);
  });

  it('179: nor is one without a type', async () => {
    house.upstream.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<b>x</');
    };
    const answer = await house.call({ body: '{}' });
    expect(await answer.text()).toBe('<b>x</');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it.each([
    'Server: uvicorn/0.1',
    'X-Powered-By: Express',
    'Via: 1.1 internal',
    'X-AspNet-Version: 4',
    'X-Runtime: 1',
  ])('180: %s stays behind', async (line) => {
    expect(readNames(await callFor([line]))).toEqual([]);
  });

  it.each(['301 Moved', '302 Found', '303 See Other', '307 Temporary'])(
    '180: a %s tells nothing of the hosts behind us',
    async (status) => {
      const lines = ['Location: http://internal.example:8080/admin'];
      const text = await callFor(lines, { status, type: 'text/plain', body: 'Traceback at /srv/app.py' });
      expect(text).toMatch(/^HTTP\/1\.1 502 [^]*"error":"bad_gateway"/);
      expect(text).toMatch(/^x-request-id: [\w-]{16}\r$/im);
      expect(text).not.toMatch(/internal\.example|Traceback|location:/i);
      expect(house.events.at(-1)).toMatchObject({ reason: 'upstream_redirected', status: 502 });
      await expectFineForOthers();
    },
  );

  it('180: the reason phrase is ours', async () => {
    expect(await callFor([], { status: '200 internal.example' })).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});
