import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createKeyring, scheduleSecrets } from '../../src/platform/sealing/keyring.ts';
import { createSealer, type Sealer } from '../../src/platform/sealing/sealer.ts';
import { createSealingKey } from '../../src/platform/sealing/sealing-key.ts';
import { openAccessToken } from '../../src/services/tokens/access-token.ts';
import { openAuthorizationCode } from '../../src/services/tokens/authorization-code.ts';
import { openRefreshToken } from '../../src/services/tokens/refresh-token.ts';
import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { obtainCode, redeem, refresh, registerClient, signIn, type Tokens } from '../support/flow.ts';
import { createGatehousePair, type GatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { createTestKeyFile, type TestKeyFile } from '../support/key-file.ts';
import {
  collectSealedValues,
  purposes,
  type SealedKind,
  type SealedValues,
} from '../support/sealed-values.ts';

const secret = 'a secret of the test that is long enough, 0123456789';
const hour = 3600;
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).toReversed()) await close();
});

async function openUpstream(): Promise<AnsweringUpstream> {
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  return upstream;
}

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const upstream = await openUpstream();
  const env = { TOKEN_SIGNING_SECRET: secret, ...options.env };
  const gatehouse = await createTestGatehouse({ upstream: upstream.url, ...options, env });
  closers.push(() => gatehouse.close());
  return gatehouse;
}

function openKeyFile(clock: { nowSeconds(): number }): TestKeyFile {
  const keyFile = createTestKeyFile(clock);
  closers.push(() => keyFile.remove());
  return keyFile;
}

/** Two replicas that read one key file; each looks at it when it is told to, and once a second. */
async function openPair(): Promise<{ readonly pair: GatehousePair; readonly keyFile: TestKeyFile }> {
  const start = new FakeClock();
  let pair: GatehousePair | undefined;
  const keyFile = openKeyFile({ nowSeconds: () => (pair?.clock ?? start).nowSeconds() });
  const upstream = await openUpstream();
  pair = await createGatehousePair({ upstream: upstream.url, env: keyFile.env });
  const opened = pair;
  closers.push(() => opened.close());
  return { pair, keyFile };
}

/** version 1 ‖ key id 4 ‖ nonce 12 ‖ ciphertext ‖ tag 16 */
function decode(token: string): { readonly prefix: string; readonly bytes: Buffer } {
  const prefix = /^mgh_[a-z]{2}_/.exec(token)?.[0] ?? '';
  return { prefix, bytes: Buffer.from(token.slice(prefix.length), 'base64url') };
}

function change(token: string, edit: (bytes: Buffer) => Uint8Array): string {
  const { prefix, bytes } = decode(token);
  return prefix + Buffer.from(edit(bytes)).toString('base64url');
}

function flip(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[index] = (changed[index] ?? 0) ^ 0x01;
  return changed;
}

const garbage = (kind: SealedKind): string => purposes[kind].prefix + systemRandom.token(120);

/** Presents every variant at its place: each is refused, with the bytes that garbage is refused with. */
async function expectOneAnswer(
  sealed: SealedValues,
  variants: (kind: SealedKind, value: string) => Iterable<readonly [string, string]>,
): Promise<number> {
  let presented = 0;
  for (const [place, { takes, present }] of sealed.places) {
    const value = sealed.values.get(takes);
    if (value === undefined) continue;
    const { accepted, answer } = await present(garbage(takes));
    expect([place, accepted]).toEqual([place, false]);
    for (const [name, variant] of variants(takes, value)) {
      expect([place, name, await present(variant)]).toEqual([place, name, { accepted: false, answer }]);
      presented += 1;
    }
  }
  return presented;
}

/** Every value was good all along: its own place takes it, last of all. */
async function expectDiagonal(sealed: SealedValues): Promise<void> {
  for (const [place, { takes, present }] of sealed.places) {
    const value = sealed.values.get(takes);
    if (value !== undefined) expect([place, (await present(value)).accepted]).toEqual([place, true]);
  }
}

const firstKinds: readonly SealedKind[] = [
  'client',
  'consent',
  'state',
  'code',
  'access',
  'refresh',
  'successor',
];

describe('H: sealed values', () => {
  it('110: a tag cut short, a tail, or nothing at all is refused like garbage, everywhere', async () => {
    const sealed = await collectSealedValues(await open());
    expect([...sealed.values.keys()]).toEqual(expect.arrayContaining([...firstKinds]));
    const presented = await expectOneAnswer(sealed, function* (kind, value) {
      for (let cut = 1; cut <= 16; cut += 1) {
        yield [`cut by ${cut}`, change(value, (bytes) => bytes.subarray(0, bytes.length - cut))];
      }
      yield ['one byte more', change(value, (bytes) => Buffer.concat([bytes, Buffer.of(0)]))];
      yield ['sixteen bytes more', change(value, (bytes) => Buffer.concat([bytes, Buffer.alloc(16)]))];
      yield ['its tag twice', change(value, (bytes) => Buffer.concat([bytes, bytes.subarray(-16)]))];
      yield ['its header alone', change(value, (bytes) => bytes.subarray(0, 17))];
      yield ['its prefix alone', purposes[kind].prefix];
    });
    expect(presented).toBeGreaterThan(140);
    await expectDiagonal(sealed);
  });

  it('112: every kind of value works at its own place alone, whatever prefix it is given', async () => {
    const sealed = await collectSealedValues(await open());
    await expectOneAnswer(sealed, function* (takes) {
      for (const [kind, value] of sealed.values) {
        if (kind === takes) continue;
        yield [kind, value];
        yield [`${kind} in disguise`, purposes[takes].prefix + value.slice(purposes[kind].prefix.length)];
      }
    });
    await expectDiagonal(sealed);
  });

  it('113: a key id that was changed selects no key, and no other key is tried in its place', async () => {
    const sealed = await collectSealedValues(await open());
    await expectOneAnswer(sealed, function* (_kind, value) {
      for (const id of ['00000000', 'ffffffff', '2e2e2f2e']) {
        yield [
          id,
          change(value, (bytes) =>
            Buffer.concat([bytes.subarray(0, 1), Buffer.from(id, 'hex'), bytes.subarray(5)]),
          ),
        ];
      }
      for (let index = 1; index < 5; index += 1)
        yield [`byte ${index}`, change(value, (bytes) => flip(bytes, index))];
      yield [
        'very long',
        change(value, (bytes) =>
          Buffer.concat([bytes.subarray(0, 5), Buffer.alloc(5000), bytes.subarray(5)]),
        ),
      ];
    });
    await expectDiagonal(sealed);

    const keys = [secret, 'another secret that is long enough 0123456789'].map((each) =>
      createSealingKey(each),
    );
    const asked: string[] = [];
    const spies = keys.map((key) => ({
      ...key,
      keyFor: (purpose: string) => {
        asked.push(key.id);
        return key.keyFor(purpose);
      },
    }));
    const inForce = createKeyring(scheduleSecrets([secret]), { clock: new FakeClock() }).current();
    const find = (bytes: Buffer, offset: number) =>
      spies.find(({ idBytes }) => idBytes.equals(bytes.subarray(offset, offset + 4)));
    const sealer = createSealer({
      keyring: { current: () => ({ ...inForce, active: spies[0], find }) },
      context: 'https://gatehouse.test',
      random: systemRandom,
    });
    const token = sealer.seal(purposes.access, 'x');
    asked.length = 0;
    expect(
      sealer.open(
        purposes.access,
        change(token, (bytes) => flip(bytes, 1)),
      ),
    ).toBeUndefined();
    expect(asked).toEqual([]);
    const relabelled = change(token, (bytes) =>
      Buffer.concat([bytes.subarray(0, 1), spies[1]?.idBytes ?? Buffer.alloc(4), bytes.subarray(5)]),
    );
    expect(sealer.open(purposes.access, relabelled)).toBeUndefined();
    expect(asked).toEqual([spies[1]?.id]);
  });

  it('113: a retired key opens what it sealed, seals nothing more, and at its end opens nothing', async () => {
    const clock = new FakeClock();
    const keyFile = openKeyFile(clock);
    const gatehouse = await open({ clock, env: keyFile.env });
    const before = await signIn(gatehouse);
    const [, next] = keyFile.rotate(60, hour / 2);
    await gatehouse.gateway.reload();
    const announced = await registerClient(gatehouse);
    expect(decode(announced.clientId).bytes.subarray(1, 5).toString('hex')).toBe(keyFile.firstId);
    clock.advance(60);
    const active = await registerClient(gatehouse);
    expect(decode(active.clientId).bytes.subarray(1, 5).toString('hex')).toBe(next?.id);
    expect((await callMount(gatehouse, before.accessToken)).status).toBe(200);
    clock.advance(hour / 2 - 1);
    expect((await callMount(gatehouse, before.accessToken)).status).toBe(200);
    clock.advance(1);
    expect((await callMount(gatehouse, before.accessToken)).status).toBe(401);
    expect((await refresh(gatehouse, before.client.clientId, before.refreshToken)).status).toBe(401);
    expect((await refresh(gatehouse, active.clientId, before.refreshToken)).status).toBe(400);
    expect(
      gatehouse.events.flatMap((event) => (event.type === 'key_state_changed' ? [event.state] : [])),
    ).toEqual(['announced', 'active', 'retiring', 'destroyed']);
  });

  it('114: of twenty thousand changed and spliced values none opens', () => {
    const sealer = createSealer({
      secrets: [secret],
      context: 'https://gatehouse.test',
      random: systemRandom,
    });
    const kinds = Object.values(purposes);
    const pick = (count: number): number => systemRandom.bytes(4).readUInt32BE(0) % count;
    const originals = kinds.map((purpose) =>
      Array.from({ length: 4 }, (_, index) => sealer.seal(purpose, String(index).repeat(64))),
    );
    for (let round = 0; round < 20_000; round += 1) {
      const kind = pick(kinds.length);
      const [one = '', other = ''] = [originals[kind]?.[pick(2)], originals[kind]?.[2 + pick(2)]];
      const cut = 6 + pick(decode(one).bytes.length - 6);
      const changed =
        round % 2 === 0
          ? change(one, (bytes) => flip(bytes, pick(bytes.length)))
          : change(one, (bytes) =>
              Buffer.concat([bytes.subarray(0, cut), decode(other).bytes.subarray(cut)]),
            );
      // Cut near an end where both have the same byte, a splice is one of the two.
      if (changed === one || changed === other) continue;
      const purpose = kinds[kind];
      if (purpose !== undefined && sealer.open(purpose, changed) !== undefined)
        throw new Error(`opened: round ${round}`);
    }
    expect(sealer.open(purposes.client, originals[0]?.[0] ?? '')).toBe('0'.repeat(64));
  });

  it('115: four processes with one secret never use a nonce twice', async () => {
    const script = new URL('../support/sealing-process.ts', import.meta.url).pathname;
    const each = 50_000;
    const runs = await Promise.all(
      Array.from({ length: 4 }, () =>
        promisify(execFile)(process.execPath, [script, String(each), secret], {
          maxBuffer: 16 * 1024 * 1024,
        }),
      ),
    );
    const nonces = runs.flatMap(({ stdout }) => stdout.trim().split('\n'));
    expect(nonces).toHaveLength(4 * each);
    expect(new Set(nonces).size).toBe(4 * each);
  });

  it('118: nothing of the person, the client or the request can be read in a value, nor a value in the log', async () => {
    const gatehouse = await open();
    const { values } = await collectSealedValues(gatehouse);
    const { subject, email, name } = gatehouse.identityProvider.person;
    const readable = [
      subject,
      email ?? '',
      name ?? '',
      'engineering',
      'client.example',
      'Test Client',
      gatehouse.resource,
    ];
    for (const [kind, value] of values) {
      const { bytes } = decode(value);
      for (const text of readable) {
        for (const form of [value, bytes.toString('latin1'), bytes.toString('utf16le')]) {
          expect([kind, form.toLowerCase().includes(text.toLowerCase())]).toEqual([kind, false]);
        }
      }
      // Compressed or encoded once more, it would be no longer random: every byte value shows up about equally often.
      expect(new Set(bytes).size).toBeGreaterThan(60);
      expect(gatehouse.logged()).not.toContain(value.slice(-40));
    }
  });

  it('119: an end that is no plain number of seconds, or too far away, opens nothing, even under our own key', async () => {
    const gatehouse = await open();
    const sealed = await collectSealedValues(gatehouse);
    const sealer = createSealer({ secrets: [secret], context: gatehouse.publicUrl, random: systemRandom });
    const later = gatehouse.clock.nowSeconds() + 60;
    const ends: readonly unknown[] = [
      undefined,
      later + 0.5,
      String(later),
      '9999-12-31T23:59:59Z',
      1e300,
      2 ** 53,
      -later,
      -1,
      0,
      null,
      true,
      [later],
      { valueOf: later },
    ];
    const forge = (kind: SealedKind, value: string, members: Record<string, unknown>): string => {
      const packed = JSON.parse(sealer.open(purposes[kind], value) ?? '') as Record<string, unknown>;
      return sealer.seal(purposes[kind], JSON.stringify({ ...packed, ...members }));
    };
    for (const [place, { takes, present }] of sealed.places) {
      const value = sealed.values.get(takes);
      // The registration's own token says nothing of an end, and a client id need not.
      if (value === undefined || takes === 'registration') continue;
      for (const end of takes === 'client' ? ends.slice(1) : ends) {
        const { accepted } = await present(forge(takes, value, { exp: end }));
        expect([place, end, accepted]).toEqual([place, end, false]);
      }
    }
    const access = sealed.values.get('access') ?? '';
    for (const seconds of [hour + 1, 86_400, 253_402_300_799]) {
      const forged = forge('access', access, { exp: gatehouse.clock.nowSeconds() + seconds });
      expect((await callMount(gatehouse, forged)).status).toBe(401);
    }
    expect((await callMount(gatehouse, forge('access', access, { exp: later }))).status).toBe(200);
    await expectDiagonal(sealed);
  });

  it('120: bad format, key id, tag, type, deployment and time get one answer', async () => {
    const gatehouse = await open();
    const sealed = await collectSealedValues(gatehouse);
    const foreign = createSealer({ secrets: [secret], context: 'https://other.test', random: systemRandom });
    const own = createSealer({ secrets: [secret], context: gatehouse.publicUrl, random: systemRandom });
    await expectOneAnswer(sealed, function* (kind, value) {
      yield ['no format', 'garbage'];
      yield ['not base64url', `${purposes[kind].prefix}${'!'.repeat(100)}`];
      yield ['padded', `${value}=`];
      yield [
        'a format version to come',
        change(value, (bytes) => Buffer.concat([Buffer.of(2), bytes.subarray(1)])),
      ];
      yield ['key id', change(value, (bytes) => flip(bytes, 1))];
      yield ['nonce', change(value, (bytes) => flip(bytes, 5))];
      yield ['ciphertext', change(value, (bytes) => flip(bytes, 20))];
      yield ['tag', change(value, (bytes) => flip(bytes, bytes.length - 1))];
      yield ['type', sealed.values.get(kind === 'access' ? 'refresh' : 'access') ?? ''];
      yield ['deployment', foreign.seal(purposes[kind], own.open(purposes[kind], value) ?? '')];
      yield ['shape', own.seal(purposes[kind], '{}')];
    });
    await expectDiagonal(sealed);

    // Of a value that is ours, only the bearer of an access token learns that its time is over.
    const late = await collectSealedValues(gatehouse);
    gatehouse.clock.advance(8 * 24 * hour);
    for (const [place, { takes, present }] of late.places) {
      if (takes === 'client' || takes === 'registration') continue;
      const { accepted, answer } = await present(late.values.get(takes) ?? '');
      const invalid = (await present(garbage(takes))).answer;
      const same = takes === 'access' ? answer.slice(0, 4) === invalid.slice(0, 4) : answer === invalid;
      expect([place, accepted, same]).toEqual([place, false, true]);
    }
  });

  it('121: nothing is parsed before the tag is checked, nor decoded past the cap', () => {
    const sealer = createSealer({
      secrets: [secret],
      context: 'https://gatehouse.test',
      random: systemRandom,
    });
    const openers: readonly [SealedKind, (sealer: Sealer, token: string) => unknown][] = [
      ['access', openAccessToken],
      ['code', openAuthorizationCode],
      ['refresh', openRefreshToken],
    ];
    const tampered = openers.map(([kind, opener]) => {
      const token = sealer.seal(purposes[kind], JSON.stringify({ gid: 'x'.repeat(200) }));
      return { opener, token: change(token, (bytes) => flip(bytes, bytes.length - 1)) };
    });
    const parse = vi.spyOn(JSON, 'parse');
    for (const { opener, token } of tampered) expect(opener(sealer, token)).toBeUndefined();
    expect(parse).not.toHaveBeenCalled();

    const huge = Object.values(purposes).map(
      (purpose) => [purpose, purpose.prefix + 'A'.repeat(4_000_000)] as const,
    );
    const from = vi.spyOn(Buffer, 'from');
    for (const [purpose, token] of huge) expect(sealer.open(purpose, token)).toBeUndefined();
    expect(from).not.toHaveBeenCalled();
  });
});

/** People who refresh and call without a pause, at both replicas; every answer that is not 200 is remembered. */
function startLoad(pair: GatehousePair, people: readonly Tokens[]) {
  const failures: string[] = [];
  const stop = new AbortController();
  let [rounds, requests] = [0, 0];
  const check = async (what: string, response: Response): Promise<Response> => {
    requests += 1;
    if (response.status !== 200)
      failures.push(`${what}: ${response.status} ${await response.clone().text()}`);
    return response;
  };
  async function serve(person: Tokens, index: number): Promise<void> {
    let { accessToken, refreshToken } = person;
    while (!stop.signal.aborted) {
      const here = pair.both[(rounds + index) % 2] as TestGatehouse;
      const answer = await check('refresh', await refresh(here, person.client.clientId, refreshToken));
      const body = (await answer.json()) as { access_token?: string; refresh_token?: string };
      for (const replica of pair.both) {
        for (const token of [accessToken, body.access_token ?? '']) {
          await (await check('call', await callMount(replica, token))).text();
        }
      }
      ({ accessToken, refreshToken } = {
        accessToken: body.access_token ?? '',
        refreshToken: body.refresh_token ?? '',
      });
      rounds += 1;
    }
  }
  const running = people.map((person, index) => serve(person, index));
  return {
    failures,
    requests: () => requests,
    /** Until everybody went round a few times more. */
    async goOn(): Promise<void> {
      const target = rounds + 3 * people.length;
      await vi.waitFor(() => expect(rounds).toBeGreaterThanOrEqual(target), { timeout: 30_000, interval: 5 });
    },
    async stop(): Promise<void> {
      stop.abort();
      await Promise.all(running);
    },
  };
}

describe('H: keys of two replicas', () => {
  it('116: rotation under load refuses nobody, whichever replica read the file first', async () => {
    const { pair, keyFile } = await openPair();
    const [first, second] = pair.both;
    const people = await Promise.all([first, second, first, second].map((replica) => signIn(replica)));
    const load = startLoad(pair, people);
    const retireIn = 12 * hour;
    for (const [early, late] of [pair.both, [second, first] as const]) {
      keyFile.rotate(60, retireIn);
      await early.gateway.reload();
      await load.goOn();
      // A code of the one redeemed at the other, with a registration of this very moment.
      expect((await redeem(late, await obtainCode(early))).status).toBe(200);
      await late.gateway.reload();
      await load.goOn();
      pair.clock.advance(60);
      await load.goOn();
      expect((await redeem(early, await obtainCode(late))).status).toBe(200);
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.requests()).toBeGreaterThan(200);

    // At its end the first key is refused by both alike.
    const [person] = people;
    for (const replica of pair.both) {
      expect((await refresh(replica, person?.client.clientId ?? '', 'none')).status).toBe(400);
    }
    pair.clock.advance(retireIn);
    for (const replica of pair.both) {
      expect((await refresh(replica, person?.client.clientId ?? '', 'none')).status).toBe(401);
    }
  });

  it('116: a destroyed key is refused everywhere within ten seconds, cached or not, without a restart', async () => {
    const { pair, keyFile } = await openPair();
    const [first, second] = pair.both;
    const tokens = await signIn(first);
    for (const replica of pair.both) expect((await callMount(replica, tokens.accessToken)).status).toBe(200);
    keyFile.destroy(keyFile.firstId);
    await vi.waitFor(
      async () => {
        for (const replica of pair.both)
          expect((await callMount(replica, tokens.accessToken)).status).toBe(401);
      },
      { timeout: 10_000, interval: 100 },
    );
    for (const replica of pair.both) {
      expect((await refresh(replica, tokens.client.clientId, tokens.refreshToken)).status).toBe(401);
    }
    const again = await signIn(first);
    expect((await callMount(second, again.accessToken)).status).toBe(200);
  });
});
