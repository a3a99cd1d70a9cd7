import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { afterEach, describe, expect, it, vi } from 'vitest';

import type { AdmittedCall, RefusedCall } from '../admission/admit.ts';
import type { Failure } from './upstream-answer.ts';
import { createLiveCalls, type LiveCalls } from './live-calls.ts';

class FakeResponse extends EventEmitter {
  headersSent = true;
  ended = 0;
  destroyed = 0;
  end(): void {
    this.ended += 1;
  }
  destroy(): void {
    this.destroyed += 1;
    this.emit('close');
  }
}

let open: LiveCalls[] = [];

afterEach(() => {
  for (const liveCalls of open) liveCalls.close();
  open = [];
});

function setUp() {
  const refused = new Map<AdmittedCall, RefusedCall['reason']>();
  const done: number[] = [];
  const recheck = vi.fn((call: AdmittedCall) => {
    const reason = refused.get(call);
    return reason === undefined ? undefined : ({ outcome: 'refused', status: 401, reason } as RefusedCall);
  });
  const liveCalls = createLiveCalls({
    recheck,
    nowSeconds: () => 1000,
    onCutCall: (madeAtMs) => done.push(madeAtMs),
  });
  open.push(liveCalls);
  const watch = (method: string) => {
    const call = { outcome: 'admitted', expiresAt: 2000 } as AdmittedCall;
    const response = new FakeResponse();
    const aborted: Failure[] = [];
    liveCalls.watch({
      call,
      method,
      response: response as unknown as ServerResponse,
      handle: { abort: (failure) => aborted.push(failure) },
    });
    return { call, response, aborted };
  };
  return { liveCalls, refused, recheck, done, watch };
}

const aMoment = () => new Promise((resolve) => setTimeout(resolve, 60));

describe('calls in flight after a cut-off', () => {
  it('are judged soon, once for a burst, and its oldest moment is told when the last byte is out', async () => {
    const { liveCalls, refused, recheck, done, watch } = setUp();
    const [stream, other] = [watch('GET'), watch('GET')];
    refused.set(stream.call, 'token_revoked');
    for (const madeAtMs of [70, 50, 60]) liveCalls.sweepSoon(madeAtMs);
    expect(recheck).not.toHaveBeenCalled();
    await aMoment();
    expect(recheck).toHaveBeenCalledTimes(2);
    expect([stream.response.ended, other.response.ended, done]).toEqual([1, 0, []]);
    stream.response.emit('close');
    expect(done).toEqual([50]);
    liveCalls.sweepSoon(80);
    await aMoment();
    expect(recheck).toHaveBeenCalledTimes(3);
  });

  it('are aborted when they are more than a stream that listens', async () => {
    const { liveCalls, refused, watch } = setUp();
    const call = watch('POST');
    refused.set(call.call, 'token_revoked');
    liveCalls.sweepSoon(1);
    await aMoment();
    expect([call.aborted.length, call.response.ended]).toEqual([1, 0]);
    expect(call.aborted[0]?.refusal.status).toBe(401);
  });

  it('are cut when the client does not read', async () => {
    const { liveCalls, refused, done, watch } = setUp();
    const { call, response } = watch('GET');
    refused.set(call, 'token_revoked');
    liveCalls.sweepSoon(1);
    await once(response, 'close');
    expect([response.ended, response.destroyed, done]).toEqual([1, 1, [1]]);
  });

  it('count as ended by it only when they were', async () => {
    const { liveCalls, refused, done, watch } = setUp();
    const { call, response } = watch('GET');
    refused.set(call, 'token_expired');
    liveCalls.sweepSoon(1);
    await aMoment();
    response.emit('close');
    expect([response.ended, done]).toEqual([1, []]);
  });
});
