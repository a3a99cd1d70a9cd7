import { beforeEach, describe, expect, it } from 'vitest';

import type { Readiness } from './private-listener.ts';
import { createWorkerReadiness, type WorkerReadiness } from './worker-readiness.ts';

const sound: Readiness = { status: 'ok', store: 'ok', identity_provider: 'ok' };

let said: Readiness[];
let workers: WorkerReadiness;

beforeEach(() => {
  said = [];
  workers = createWorkerReadiness({ wanted: 2, hasProviders: true, ask: async () => said });
});

describe('createWorkerReadiness', () => {
  it('is starting until all workers have come, and goes on with one of them', async () => {
    said = [sound];
    expect((await workers.readiness()).status).toBe('starting');
    said = [sound, sound];
    workers.allCame();
    expect(await workers.readiness()).toEqual({ ...sound, workers: { wanted: 2, ready: 2 } });
    said = [sound];
    expect(await workers.readiness()).toEqual({ ...sound, workers: { wanted: 2, ready: 1 } });
  });

  it('says nothing of identity providers where there are none', async () => {
    const alone = createWorkerReadiness({ wanted: 1, hasProviders: false, ask: async () => said });

    expect(await alone.readiness()).not.toHaveProperty('identity_provider');
    said = [{ status: 'ok', store: 'ok' }];
    expect(await alone.readiness()).not.toHaveProperty('identity_provider');
  });

  it('is not ready without a worker that answers, and knows nothing of the store then', async () => {
    workers.allCame();
    expect(await workers.readiness()).toEqual({
      status: 'no_worker',
      store: 'unavailable',
      identity_provider: 'unavailable',
      workers: { wanted: 2, ready: 0 },
    });
  });

  it('says of the store and the provider what the worst off says', async () => {
    workers.allCame();
    said = [sound, { ...sound, store: 'unavailable' }];
    expect(await workers.readiness()).toMatchObject({ store: 'unavailable', identity_provider: 'ok' });
  });

  it('is shutting down from the order on, whoever still answers', async () => {
    workers.drain();
    workers.allCame();
    said = [sound, sound];
    expect((await workers.readiness()).status).toBe('shutting_down');
  });
});
