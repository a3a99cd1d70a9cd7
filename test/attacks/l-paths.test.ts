import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AttackedHouse, startAttackedHouse } from '../support/attacked-house.ts';
import { allWays, type Front, hasFronts } from '../support/fronts.ts';
import { callPort } from '../support/mount-client.ts';
import { startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

/** Out of the mount to some reader, or not in the one form that all readers share. */
const malformed = listTargets(String.raw`
  //mcp ///mcp /./mcp /../mcp /x/../mcp /%2e/mcp /\mcp /mcp\ /mcp\admin /mcp/.. /mcp/../ /mcp/../admin
  /mcp/../admin?x /mcp/..?x /mcp/x/../../admin /mcp/. /mcp/./ /mcp/./x /mcp// /mcp//admin /mcp/x//y /mcp///
  /mcp/..\admin /mcp/%2e /mcp/%2e%2e /mcp/%2e%2e/admin /mcp/%2E%2E/admin /mcp/.%2e/admin /mcp/%2e./admin
  /mcp/..%2fadmin /mcp/..%2Fadmin /mcp%2f..%2fadmin /mcp%2fadmin /mcp/%2e%2e%2fadmin /mcp/..%5cadmin
  /mcp/%5c..%5cadmin /mcp/%252e%252e/admin /mcp/..%252fadmin /mcp/%252f /mcp/%25 /mcp/%2%65
  /mcp/%u002e%u002e/admin /mcp;x /mcp;/admin /mcp;x=/../admin /mcp/..;/admin /mcp/;/admin /mcp/a;b=c /mcp/%3bx
  /mcp%00 /mcp/%00 /mcp/x%00.json /mcp%23 /mcp# /mcp#/../admin /mcp/#x /mcp?x#y /mcp%20
  /mcp/%0d%0aX-User-Sub:%20root /mcp/%0a /mcp/%09 /mcp/%7f /mcp/%61dmin /mcp/%c0%ae%c0%ae/admin /mcp/%c0%af
  /mcp/%e0%80%af /mcp/%ff /mcp/%ed%a0%80 /mcp/% /mcp/%2 /mcp/%zz /mcp?%zz /mcp/"x" /mcp/<x> /mcp/{x} /mcp/x^y
  http://gatehouse.test/../mcp https://evil.example//mcp ftp://gatehouse.test/mcp/../admin
`);

/** Another path to every reader: nothing of the mount's. */
const elsewhere = listTargets(String.raw`
  /MCP /Mcp/ /mcp2 /mcp-admin /mcpx/y /mcp.json /mcp_ /mcp~ /mc / /admin /x/mcp /healthz/ /healthz/mcp
  /healthz2 /token/mcp /.well-known /.well-known/mcp /.well-known/oauth-protected-resource/mcp/admin
  /.well-known/oauth-protected-resource/admin
`);

/** Public routes that a reader might take for the mount. */
const overlapping = listTargets(String.raw`
  /.well-known/x/../../mcp /.well-known/oauth-protected-resource/mcp/../../../mcp /healthz/../mcp
  /healthz/..%2fmcp /healthz;/../mcp /healthz%2f..%2fmcp /token/../mcp /token//mcp /healthz%00/mcp
  /healthz\..\mcp /authorize/%2e%2e/mcp /.well-known/..;/mcp //healthz/../mcp
`);

/** Canonical to every reader; these very bytes arrive. */
const canonical = listTargets(String.raw`
  /mcp /mcp/ /mcp/tools /mcp/a/b/c /mcp/a/b/ /mcp/..a /mcp/a.. /mcp/... /mcp/.hidden /mcp? /mcp?x=1
  /mcp/?x=1&y=2 /mcp?next=/a/../b /mcp?x=%2e%2e%2f /mcp?x=//y;z /mcp/a%20b /mcp/%C3%A9 /mcp/%e2%82%ac
  /mcp/a:b@c!$&'()*+,= /mcp/server-card
`);

function listTargets(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

describe.skipIf(!hasFronts).each(allWays)('the path, behind %s on the %s', (frontName, _lane, start, env) => {
  let house: AttackedHouse<StrictUpstream>;
  let front: Front;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), { RATE_LIMIT_ENABLED: 'false', ...env });
    front = await start(house.port);
  });

  afterAll(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await front.close();
    await house.close();
  });

  /** Sends a GET of this very target on a connection of its own; resolves with all that comes back. */
  async function get(target: string, bearer: string | undefined): Promise<string> {
    const raw = house.connect(front.port);
    const authorization = bearer === undefined ? '' : `Authorization: Bearer ${bearer}\r\n`;
    raw.socket.write(
      `GET ${target} HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n${authorization}\r\n`,
      'latin1',
    );
    await raw.closed;
    return raw.received();
  }

  /** With a token and without, no byte arrives upstream; and whoever comes next is served. */
  async function expectNothingForwarded(target: string, status: number, reason: string): Promise<void> {
    const heard = house.upstream.received.join('').length;
    for (const bearer of [house.issue(), undefined]) {
      const events = house.events.length;
      const text = await get(target, bearer);
      expect(text).toMatch(/^HTTP\/1\.[01] (?:400|404) /);
      // What stands in front may refuse by itself, or repair and then ask for another path.
      if (frontName !== 'nothing') continue;
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(JSON.parse(text.split('\r\n\r\n')[1] as string)).toHaveProperty('error_description');
      expect(house.events.slice(events)).toMatchObject([{ type: 'request_refused', reason, status }]);
    }
    expect(house.upstream.received.join('').length).toBe(heard);
    const body = JSON.stringify({ after: target });
    const answer = await callPort(front.port, { body }, house.issue);
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
  }

  it.each([...malformed, '/mcp?x=`'])('170: %s is refused', async (target) => {
    await expectNothingForwarded(target, 400, 'target_malformed');
  });

  it.each(elsewhere)('170: %s is not the mount', async (target) => {
    await expectNothingForwarded(target, 404, 'not_found');
  });

  it.each(overlapping)('172: %s leads through no public route', async (target) => {
    await expectNothingForwarded(target, 400, 'target_malformed');
  });

  it.each(canonical)('170: %s is forwarded as it was judged, and not without a token', async (target) => {
    const heard = house.upstream.requests.length;
    expect(await get(target, undefined)).toMatch(/^HTTP\/1\.1 401 /);
    expect(house.upstream.requests).toHaveLength(heard);
    expect(await get(target, house.issue())).toMatch(/^HTTP\/1\.1 200 /);
    expect(house.upstream.requests.slice(heard)).toMatchObject([{ method: 'GET', target }]);
  });
});
