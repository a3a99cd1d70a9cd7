/**
 * A feed of a hundred thousand revocations: what it costs a process to hold them, and how long one that starts needs
 * to catch up. From a real Redis.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { personKey } from '../src/services/tokens/cut-off.ts';
import { createRevocations, type Revocations } from '../src/services/tokens/revocations.ts';
import { type RedisProcess, startRedis } from '../test/support/redis.ts';
import { times } from './effort.ts';
import type { FeedReading } from './feed-reader.ts';
import { runAll, spread, type Spread } from './measure.ts';
import { openBenchStore } from './redis-memory.ts';
import { startGatehouse } from './served-process.ts';

const entries = times(100_000, 50);
const runs = times(3, 1);
const idleMilliseconds = times(3_000, 10);
const atOnce = 64;
const readerFile = join(import.meta.dirname, 'feed-reader.ts');
const execute = promisify(execFile);

export interface RevocationFeedBench {
  readonly entries: number;
  readonly grants: ReaderFigures;
  readonly people: ReaderFigures;
  /** Of the compiled server, with the feed of grants and with an empty one. */
  readonly residentMegabytes: { readonly withFeed: Spread; readonly withoutFeed: Spread };
}

type ReaderFigures = { readonly [Figure in keyof FeedReading]: Spread };

type Kind = 'grants' | 'people';

export async function benchRevocationFeed(): Promise<RevocationFeedBench> {
  const [grants, people, empty] = [await startRedis(), await startRedis(), await startRedis()];
  try {
    await fill(grants, 'grants');
    await fill(people, 'people');
    return {
      entries,
      grants: await measureReader(grants),
      people: await measureReader(people),
      residentMegabytes: {
        withFeed: await measureResident(grants),
        withoutFeed: await measureResident(empty),
      },
    };
  } finally {
    for (const redis of [grants, people, empty]) await redis.dispose();
  }
}

async function fill(redis: RedisProcess, kind: Kind): Promise<void> {
  const store = await openBenchStore(redis);
  const revocations = createRevocations({ store, clock, onError: () => {} });
  const keys = Array.from({ length: entries }, (_, index) => index);
  await runAll(keys, (index) => cutOff(revocations, kind, index), atOnce);
  revocations.close();
  await store.close();
}

function cutOff(revocations: Revocations, kind: Kind, index: number): Promise<void> {
  if (kind === 'grants') return revocations.revoke(random.token(16));
  const key = personKey('https://login.example', `f:5a1c93e0:person-${index}`);
  return revocations.cutOff({ kind: 'subject', key, before: clock.nowSeconds() });
}

async function measureReader(redis: RedisProcess): Promise<ReaderFigures> {
  const readings: FeedReading[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { stdout } = await execute(process.execPath, [readerFile, String(redis.port)]);
    readings.push(JSON.parse(stdout) as FeedReading);
  }
  const spreadOf = (figure: keyof FeedReading): Spread =>
    spread(
      readings.map((reading) => reading[figure]),
      1,
    );
  return {
    readerMegabytes: spreadOf('readerMegabytes'),
    residentGrowthMegabytes: spreadOf('residentGrowthMegabytes'),
    catchUpMilliseconds: spreadOf('catchUpMilliseconds'),
  };
}

async function measureResident(redis: RedisProcess): Promise<Spread> {
  const resident: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const server = await startGatehouse({ REDIS_URL: `redis://${redis.host}:${redis.port}`, STORE_PATH: '' });
    await new Promise((resolve) => {
      setTimeout(resolve, idleMilliseconds);
    });
    resident.push(server.residentMegabytes());
    await server.stop();
  }
  return spread(resident, 1);
}
