/**
 * A process that reads the revocation feed of a Redis and says what that took: run by `revocation-feed.ts`, afresh for
 * each run, since what an earlier one left behind would count as well. Argument: the port of the Redis.
 */
import { systemClock as clock } from '../src/platform/clock.ts';
import { createRevocations } from '../src/services/tokens/revocations.ts';
import { heldMegabytes } from './heap.ts';
import { openBenchStore } from './redis-memory.ts';

export interface FeedReading {
  /** What the reader holds on to, beside its connection. */
  readonly readerMegabytes: number;
  /** By how much the process has grown, garbage that nobody collected yet included. */
  readonly residentGrowthMegabytes: number;
  readonly catchUpMilliseconds: number;
}

const store = await openBenchStore({ host: '127.0.0.1', port: Number(process.argv[2]) });
const held = await heldMegabytes();
const resident = process.memoryUsage.rss();
const startedAt = performance.now();
const revocations = createRevocations({ store, clock, onError: () => {} });
await revocations.refresh();
const catchUpMilliseconds = performance.now() - startedAt;
const residentGrowthMegabytes = (process.memoryUsage.rss() - resident) / 1e6;
const readerMegabytes = (await heldMegabytes()) - held;
const reading: FeedReading = { readerMegabytes, residentGrowthMegabytes, catchUpMilliseconds };
process.stdout.write(JSON.stringify(reading));
revocations.close();
await store.close();
