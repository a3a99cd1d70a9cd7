import { brotliCompressSync, gzipSync } from 'node:zlib';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { isPublicAddress } from '../../src/platform/outbound/special-addresses.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { Browser } from '../support/browser.ts';
import { authorizeUrl, obtainCode, redeem, refresh, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import {
  answerJson,
  clientHost,
  clientUrl,
  closeAuthority,
  describeDocument,
  type MetadataHosts,
  publicAddress,
  startMetadataHosts,
} from '../support/metadata-hosts.ts';

const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(closeAuthority);

interface House {
  readonly gatehouse: TestGatehouse;
  readonly hosts: MetadataHosts;
}

async function open(
  options: TestGatehouseOptions & { readonly host?: Parameters<typeof startMetadataHosts>[0] } = {},
): Promise<House> {
  const { host, ...rest } = options;
  const hosts = await startMetadataHosts(host);
  const gatehouse = await createTestGatehouse({ network: hosts, ...rest });
  closers.push(() => gatehouse.close(), hosts.close);
  return { gatehouse, hosts };
}

const redirectUri = 'https://client.example/callback';
const client = { clientId: clientUrl, redirectUri };

function ask(gatehouse: TestGatehouse, clientId = clientUrl, uri = redirectUri): Promise<Response> {
  return gatehouse.fetch(authorizeUrl(gatehouse, { clientId, redirectUri: uri }), {
    headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
  });
}

/** A page of ours without a way out, and nothing begun. */
async function expectRefusal(
  house: House,
  response: Response,
  status: number,
  reason: string,
): Promise<void> {
  const text = await response.text();
  expect([response.status, response.headers.get('location')]).toEqual([status, null]);
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(text).not.toContain('consent_token');
  const { events } = house.gatehouse;
  expect(events.findLast(({ type }) => type === 'request_refused')).toMatchObject({ reason });
  expect(events.filter(({ type }) => type === 'authorize_initiated')).toEqual([]);
}

const special = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '168.63.129.16',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%lo',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '100::1',
  '2001:db8::1',
  '3fff::1',
  '5f00::1',
];

/** Each around 127.0.0.1 and 169.254.169.254. */
const transitionForms = [
  ['mapped', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe'],
  ['compatible', '::127.0.0.1', '::a9fe:a9fe'],
  ['translated', '::ffff:0:127.0.0.1', '::ffff:0:a9fe:a9fe'],
  ['6to4', '2002:7f00:1::1', '2002:a9fe:a9fe::1'],
  ['Teredo', '2001:0:4136:e378:8000:63bf:80ff:fffe', '2001:0:7f00:1:0:0:5601:5601'],
  ['NAT64', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe'],
  ['local NAT64', '64:ff9b:1::7f00:1', '64:ff9b:1:a9fe:a9:fe00::'],
  ['ISATAP', '2a00:1450::5efe:7f00:1', '2a00:1450:4001:800:200:5efe:169.254.169.254'],
] as const;

describe('client ID metadata documents and other outbound fetches', () => {
  it.each(special)('51: nothing is sent to %s', async (address) => {
    const house = await open();
    house.hosts.addressesOf = () => [address];
    await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
    expect(house.hosts.dialled).toEqual([]);
  });

  it.each([
    'https://127.0.0.1/client.json',
    'https://127.1/client.json',
    'https://2130706433/client.json',
    'https://0x7f.1/client.json',
    'https://0x7f000001/client.json',
    'https://017700000001/client.json',
    'https://[::1]/client.json',
    'https://[::ffff:127.0.0.1]/client.json',
    'https://93.184.215.14/client.json',
    'https://localhost/client.json',
    'https://client.example./client.json',
    'https://ⓒlient.example/client.json',
    'https://client。example/client.json',
  ])('51: the host of %s is no domain name, and is not looked up', async (clientId) => {
    const house = await open();
    await expectRefusal(house, await ask(house.gatehouse, clientId), 400, 'client_id_url_invalid');
    expect([house.hosts.lookups, house.hosts.dialled]).toEqual([[], []]);
  });

  it.each(transitionForms)('52: nothing is sent to IPv4 inside of IPv6: %s', async (_form, ...addresses) => {
    for (const address of addresses) {
      const house = await open();
      house.hosts.addressesOf = () => [address];
      await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
      expect(house.hosts.dialled).toEqual([]);
    }
  });

  it('52: hosts of the public Internet are asked, over both protocols', () => {
    for (const address of ['93.184.215.14', '1.1.1.1', '2606:4700:4700::1111', '2a00:1450:4001:800::200e']) {
      expect([address, isPublicAddress(address)]).toEqual([address, true]);
    }
  });

  it('53: the address that was judged is the one that is asked, under the name', async () => {
    const { gatehouse, hosts } = await open();
    const answers = [[publicAddress], ['127.0.0.1']];
    hosts.addressesOf = () => answers.shift() ?? ['127.0.0.1'];
    expect((await ask(gatehouse)).status).toBe(200);
    expect([hosts.lookups, hosts.dialled]).toEqual([[clientHost], [publicAddress]]);
    expect(hosts.serverNames).toEqual([clientHost]);
    expect(hosts.requests[0]?.headers.host).toBe(clientHost);
  });

  it('53: a thousand alternating answers lead nowhere else', async () => {
    const { gatehouse, hosts } = await open();
    let at = 0;
    hosts.addressesOf = () => [(at += 1) % 2 === 0 ? publicAddress : '127.0.0.1'];
    hosts.answer = answerJson('', {}, 404);
    for (let asked = 0; asked < 1000; asked += 1) {
      gatehouse.clock.advance(11);
      await ask(gatehouse);
    }
    expect(hosts.lookups.length).toBe(1000);
    expect(new Set(hosts.dialled)).toEqual(new Set([publicAddress]));
  }, 60_000);

  it('53: a connection that leads elsewhere carries nothing', async () => {
    const house = await open();
    house.hosts.peerOf = () => '127.0.0.1';
    await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
    expect([house.hosts.dialled, house.hosts.serverNames]).toEqual([[publicAddress], []]);
  });

  it('54: a name with public and private addresses is refused outright', async () => {
    for (const addresses of [
      [publicAddress, '10.0.0.1'],
      ['10.0.0.1', publicAddress],
      [publicAddress, '::1'],
    ]) {
      const house = await open();
      house.hosts.addressesOf = () => addresses;
      await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
      expect(house.hosts.dialled).toEqual([]);
    }
  });

  it.each([
    [301, { location: 'https://other.example/client.json' }],
    [302, { location: 'http://169.254.169.254/' }],
    [307, { location: '/client.json' }],
    [308, { location: clientUrl }],
    [201, {}],
    [203, {}],
    [206, {}],
    [304, {}],
  ] as const)('55: status %i is an error, and nothing is followed', async (status, headers) => {
    const house = await open();
    house.hosts.answer = answerJson(describeDocument(), headers, status);
    await expectRefusal(house, await ask(house.gatehouse), 400, 'client_document_invalid');
    expect(house.hosts.requests).toHaveLength(1);
  });

  it('55: a Refresh header and a page that refreshes lead nowhere', async () => {
    const house = await open();
    house.hosts.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', refresh: '0;url=https://other.example/' });
      response.end('<meta http-equiv="refresh" content="0;url=https://other.example/">');
    };
    await expectRefusal(house, await ask(house.gatehouse), 400, 'client_document_invalid');
    expect(house.hosts.lookups).toEqual([clientHost]);
  });

  it('56: no proxy of the environment is asked, and none of it weakens TLS', async () => {
    const set = {
      HTTPS_PROXY: 'http://127.0.0.1:9',
      https_proxy: 'http://127.0.0.1:9',
      ALL_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: 'x',
      NODE_USE_ENV_PROXY: '1',
    };
    const before = Object.keys(set).map((name) => [name, process.env[name]] as const);
    Object.assign(process.env, set);
    try {
      const { gatehouse, hosts } = await open();
      expect((await ask(gatehouse)).status).toBe(200);
      expect(hosts.dialled).toEqual([publicAddress]);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it.each([
    ['a byte too many', answerJson(JSON.stringify(describeDocument()).padEnd(10 * 1024 + 1))],
    ['a gzip bomb', answerJson(gzipSync('x'.repeat(1_000_000)), { 'content-encoding': 'gzip' })],
    ['brotli', answerJson(brotliCompressSync('x'), { 'content-encoding': 'br' })],
    ['HTML', answerJson(describeDocument(), { 'content-type': 'text/html' })],
    ['no type', answerJson(describeDocument(), { 'content-type': '' })],
    ['text', answerJson(describeDocument(), { 'content-type': 'text/json' })],
    ['a broken text', answerJson('{"client_id":')],
    ['a list', answerJson('[]')],
    ['a name twice', answerJson('{"client_id":"a","client_id":"b"}')],
    ['depth', answerJson('['.repeat(5000))],
  ] as const)('58: an answer with %s is refused', async (_what, answer) => {
    const house = await open();
    house.hosts.answer = answer;
    await expectRefusal(house, await ask(house.gatehouse), 400, 'client_document_invalid');
  });

  it('58: an endless answer is cut off', async () => {
    const house = await open();
    let gone = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    house.hosts.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const pump = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', pump).on('close', gone);
      pump();
    };
    await expectRefusal(house, await ask(house.gatehouse), 400, 'client_document_invalid');
    await closed;
  });

  it('58: an answer that never ends does not keep anybody', async () => {
    const house = await open();
    house.hosts.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(drip));
    };
    await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
  }, 20_000);

  it('58: as many bytes as are allowed are read, in every JSON type', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/client-metadata+json']) {
      const { gatehouse, hosts } = await open();
      hosts.answer = answerJson(JSON.stringify(describeDocument()).padEnd(10 * 1024), {
        'content-type': type,
      });
      expect((await ask(gatehouse)).status).toBe(200);
    }
  });

  it.each([
    ['another case', { client_id: clientUrl.replace('oauth', 'OAuth') }],
    ['a slash more', { client_id: `${clientUrl}/` }],
    ['its port', { client_id: clientUrl.replace('.example', '.example:443') }],
    ['no client_id', { client_id: undefined }],
    ['no name', { client_name: undefined }],
    ['an empty name', { client_name: ' ' }],
    ['an invisible name', { client_name: 'a\u202eb' }],
    ['a secret', { client_secret: 'x' }],
    ['the end of a secret', { client_secret_expires_at: 0 }],
    ['client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }],
    ['client_secret_jwt', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['a method of its own', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['a private key', { jwks: { keys: [{ kty: 'EC', d: 'x' }] } }],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'x' }] } }],
    ['no redirect URIs', { redirect_uris: undefined }],
    ['empty redirect URIs', { redirect_uris: [] }],
    ['a script', { redirect_uris: [redirectUri, 'javascript:alert(1)'] }],
    ['plain http', { redirect_uris: ['http://client.example/callback'] }],
    ['an app scheme that is off', { redirect_uris: ['unknown-app://callback'] }],
    ['another grant type', { grant_types: ['client_credentials'] }],
    ['another response type', { response_types: ['token'] }],
  ] as const)('59: a document with %s is refused on a page of ours', async (_what, members) => {
    const house = await open();
    house.hosts.answer = answerJson(describeDocument(members));
    await expectRefusal(house, await ask(house.gatehouse), 400, 'client_document_invalid');
  });

  it('60: no error is kept: what is good ten seconds later is taken', async () => {
    const { gatehouse, hosts } = await open();
    for (const bad of [
      answerJson('', {}, 500),
      answerJson('', { 'cache-control': 'max-age=9999999' }, 404),
      answerJson('no', { 'cache-control': 'max-age=9999999' }),
    ]) {
      hosts.answer = bad;
      expect((await ask(gatehouse)).status).toBeGreaterThan(399);
      gatehouse.clock.advance(11);
    }
    hosts.answer = answerJson(describeDocument());
    expect((await ask(gatehouse)).status).toBe(200);
  });

  it.each([
    ['ten years', { 'cache-control': 'public, max-age=315360000, immutable' }, 3599, 3600],
    ['an hour, of which half is gone', { 'cache-control': 'max-age=3600', age: '1800' }, 1799, 1800],
    ['nothing', { 'cache-control': 'no-store' }, 59, 60],
    ['no word', {}, 899, 900],
    ['two words', { 'cache-control': 'max-age=3600, max-age=120' }, 119, 120],
  ] as const)('60: a document with %s is kept within bounds', async (_what, headers, within, beyond) => {
    const { gatehouse, hosts } = await open();
    hosts.answer = answerJson(describeDocument(), { ...headers, vary: '*' });
    await ask(gatehouse);
    gatehouse.clock.advance(within);
    hosts.answer = answerJson(describeDocument({ redirect_uris: ['https://moved.example/callback'] }));
    expect([(await ask(gatehouse)).status, hosts.requests.length]).toEqual([200, 1]);
    gatehouse.clock.advance(beyond - within);
    expect([(await ask(gatehouse)).status, hosts.requests.length]).toEqual([400, 2]);
    expect((await ask(gatehouse, clientUrl, 'https://moved.example/callback')).status).toBe(200);
  });

  it('61: a changed document is asked about again, and what it gained goes to nobody without being shown', async () => {
    const { gatehouse, hosts } = await open();
    const before = await obtainCode(gatehouse, { client });
    hosts.answer = answerJson(
      describeDocument({ client_name: 'Renamed', redirect_uris: ['https://evil.example/callback'] }),
    );
    gatehouse.clock.advance(3600);
    expect((await ask(gatehouse)).status).toBe(400);
    const evil = 'https://evil.example/callback';
    const page = await (await ask(gatehouse, clientUrl, evil)).text();
    expect(page).toContain('Renamed');
    expect(page).toContain('<strong>https://evil.example</strong>/callback');
    expect((await redeem(gatehouse, { ...before, redirectUri: evil })).status).toBe(400);
  });

  it('61: an outstanding code keeps its binding, and needs no document any more', async () => {
    const { gatehouse, hosts } = await open();
    const before = await obtainCode(gatehouse, { client });
    hosts.answer = answerJson('', {}, 404);
    expect((await redeem(gatehouse, before)).status).toBe(200);
    expect(hosts.requests).toHaveLength(1);
  });

  it('62: one host is asked so often and no more, and the answer comes at once', async () => {
    const { gatehouse, hosts } = await open();
    hosts.answer = answerJson('', {}, 404);
    const statuses: number[] = [];
    for (let at = 0; at < 1000; at += 1) {
      statuses.push((await ask(gatehouse, `https://${clientHost}/${at}`)).status);
    }
    expect(hosts.requests).toHaveLength(20);
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(400));
    expect(new Set(statuses.slice(20))).toEqual(new Set([503]));
    gatehouse.clock.advance(60);
    expect((await ask(gatehouse, `https://${clientHost}/1000`)).status).toBe(400);
  });

  it('62: a thousand hosts are asked so often and no more', async () => {
    const { gatehouse, hosts } = await open();
    hosts.addressesOf = () => [];
    for (let at = 0; at < 1000; at += 1) await ask(gatehouse, `https://h${at}.${clientHost}/c`);
    expect(hosts.lookups).toHaveLength(240);
  });

  it('62: requests at the same time wait for one fetch, and few fetches go on at once', async () => {
    const { gatehouse, hosts } = await open();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    hosts.answer = (request, response) => {
      void held.then(() => answerJson(describeDocument())(request, response));
    };
    const same = Array.from({ length: 50 }, () => ask(gatehouse));
    const others = Array.from({ length: 50 }, (_, at) => ask(gatehouse, `https://h${at}.${clientHost}/c`));
    const busy = others.slice(15);
    expect((await Promise.all(busy)).map(({ status }) => status)).toEqual(Array(35).fill(503));
    expect(hosts.lookups).toHaveLength(16);
    release();
    expect((await Promise.all(same)).map(({ status }) => status)).toEqual(Array(50).fill(200));
    await Promise.all(others);
    expect(hosts.lookups.filter((name) => name === clientHost)).toHaveLength(1);
  });

  it.each([
    ['another name', { names: 'DNS:other.example' }],
    ['an address in place of a name', { names: `IP:${publicAddress}` }],
    ['TLS 1.1', { tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } }],
  ] as const)('64: a host with %s is not believed', async (_what, host) => {
    const house = await open({ host });
    await expectRefusal(house, await ask(house.gatehouse), 503, 'client_document_unavailable');
    expect(house.hosts.requests).toEqual([]);
  });

  it('64: a host of an authority that nobody knows is not believed, whatever the environment says', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const hosts = await startMetadataHosts();
      const { ca: _ca, ...network } = hosts;
      const gatehouse = await createTestGatehouse({ network });
      closers.push(() => gatehouse.close(), hosts.close);
      await expectRefusal({ gatehouse, hosts }, await ask(gatehouse), 503, 'client_document_unavailable');
      expect(hosts.requests).toEqual([]);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('61: what is denied stays denied, whatever its document says, and is not fetched', async () => {
    const { gatehouse, hosts } = await open();
    const tokens = await signIn(gatehouse, { client });
    const operator = createDeniedClients({
      store: gatehouse.store,
      clock: gatehouse.clock,
      registrationTtlSeconds: undefined,
      onError: () => undefined,
    });
    await operator.deny(fingerprintClientId(clientUrl), 'operator');
    operator.close();
    const restarted = await createTestGatehouse({
      network: hosts,
      clock: gatehouse.clock,
      store: { ...gatehouse.store, close: () => Promise.resolve() },
    });
    closers.unshift(() => restarted.close());
    expect((await refresh(restarted, clientUrl, tokens.refreshToken)).status).toBe(401);
    await expectRefusal({ gatehouse: restarted, hosts }, await ask(restarted), 400, 'client_denied');
    expect(hosts.requests).toHaveLength(1);
  });

  it('a document signs a person in, and its host is shown', async () => {
    const { gatehouse, hosts } = await open();
    const browser = new Browser(gatehouse);
    const page = await (await browser.get(authorizeUrl(gatehouse, client))).text();
    expect(page).toContain(`published by <strong><bdi>${clientHost}</bdi></strong>`);
    const tokens = await signIn(gatehouse, { client });
    expect((await refresh(gatehouse, clientUrl, tokens.refreshToken)).status).toBe(200);
    expect(hosts.requests).toHaveLength(1);
  });
});
