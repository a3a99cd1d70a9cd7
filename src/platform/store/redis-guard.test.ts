import { ErrorReply } from '@redis/client';
import { beforeEach, describe, expect, it } from 'vitest';

import { createRedisGuard, type RedisGuard } from './redis-guard.ts';

const deadlines = { attempt: 20, operation: 60, probe: 500 };

describe('createRedisGuard', () => {
  let now: number;
  let circuit: string[];
  let silences: number;
  let outcomes: string[];
  let guard: RedisGuard;

  beforeEach(() => {
    now = 0;
    circuit = [];
    silences = 0;
    outcomes = [];
    guard = createRedisGuard({
      deadlines,
      jitter: () => 0,
      monotonic: () => now,
      onLatency: (operation, _seconds, outcome) => outcomes.push(`${operation} ${outcome}`),
      onCircuit: (state) => circuit.push(state),
      onSilence: () => {
        silences += 1;
      },
    });
  });

  const broken = async (): Promise<never> => {
    throw new Error('broken');
  };
  const silent = (): Promise<never> => {
    now += deadlines.attempt;
    return new Promise(() => undefined);
  };

  async function openCircuit(): Promise<void> {
    while (circuit.length === 0) {
      now += deadlines.attempt;
      await expect(guard.run('get', broken)).rejects.toThrow('get failed');
    }
  }

  it('tries twice, and says which operation failed', async () => {
    let attempts = 0;
    const once = async (): Promise<string> => {
      attempts += 1;
      return attempts === 1 ? broken() : 'there';
    };
    expect(await guard.run('get', once)).toBe('there');
    await expect(guard.run('put', broken)).rejects.toMatchObject({ name: 'StoreError', operation: 'put' });
    expect(outcomes).toEqual(['get ok', 'put failed']);
  });

  it('does not repeat what the server refused, and takes it for an answer', async () => {
    let attempts = 0;
    const refused = async (): Promise<never> => {
      attempts += 1;
      throw new ErrorReply('OOM command not allowed');
    };
    for (let round = 0; round < 10; round += 1) {
      await expect(guard.run('put', refused)).rejects.toThrow('put failed: Redis is out of memory');
    }
    expect([attempts, circuit]).toEqual([10, []]);
  });

  it('repeats what a server refuses while it starts', async () => {
    let attempts = 0;
    const loading = async (): Promise<string> => {
      attempts += 1;
      if (attempts === 1) throw new ErrorReply('LOADING Redis is loading the dataset in memory');
      return 'there';
    };
    expect(await guard.run('get', loading)).toBe('there');
  });

  it('settles without an answer, and gives up a connection that stays silent', async () => {
    await expect(guard.run('get', silent)).rejects.toThrow('Redis does not answer');
    expect(silences).toBe(1);
  });

  it('opens no circuit for a stall, however many were waiting in it', async () => {
    let stalled = true;
    const ask = async (): Promise<string> => (stalled ? broken() : 'there');
    const all = Array.from({ length: 100 }, () => guard.run('get', ask));
    await new Promise((resolve) => setImmediate(resolve));
    now += 2 * deadlines.attempt - 1;
    stalled = false;
    expect(new Set(await Promise.all(all))).toEqual(new Set(['there']));
    expect([circuit, silences]).toEqual([[], 0]);
  });

  it('gives up no connection for a stall, however many were waiting in it', async () => {
    let stalled = true;
    const ask = async (): Promise<string> => (stalled ? new Promise<never>(() => undefined) : 'there');
    const all = Array.from({ length: 100 }, () => guard.run('get', ask));
    stalled = false;
    expect(new Set(await Promise.all(all))).toEqual(new Set(['there']));
    expect([circuit, silences]).toEqual([[], 0]);
  });

  it('asks nobody while the circuit is open', async () => {
    await openCircuit();
    let asked = false;
    const ask = async (): Promise<void> => {
      asked = true;
    };
    await expect(guard.run('get', ask)).rejects.toThrow('Redis does not answer');
    expect([asked, circuit]).toEqual([false, ['opened']]);
  });

  it('lets one operation try after a while, and closes when it is answered', async () => {
    await openCircuit();
    now += deadlines.probe;
    let release = (): void => undefined;
    const probe = guard.run('get', () => new Promise<void>((resolve) => (release = resolve)));
    await expect(guard.run('get', async () => 'second')).rejects.toThrow('Redis does not answer');
    release();
    await probe;
    expect(circuit).toEqual(['opened', 'closed']);
    expect(await guard.run('get', async () => 'third')).toBe('third');
  });

  it('stays open when the try fails', async () => {
    await openCircuit();
    now += deadlines.probe;
    await expect(guard.run('get', broken)).rejects.toThrow('Redis does not answer');
    await expect(guard.run('get', async () => 'no')).rejects.toThrow('Redis does not answer');
    expect(circuit).toEqual(['opened']);
  });

  it('tries at once on a new connection', async () => {
    await openCircuit();
    guard.recover();
    expect(await guard.run('get', async () => 'there')).toBe('there');
    expect(circuit).toEqual(['opened', 'closed']);
  });
});
