import { afterEach, describe, expect, it, vi } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import type { AdmittedCall } from '../admission/admit.ts';
import type { RefusedCall } from '../admission/refused-calls.ts';
import type { Caller } from './caller.ts';
import { EventStream } from './event-stream.ts';
import { Exchange } from './exchange.ts';
import { createHeaderBlock } from './header-block.ts';
import { createLiveCalls, type LiveCalls } from './live-calls.ts';
import type { Failure } from './upstream-answer.ts';
import type { UpstreamFlight } from './upstream-flight.ts';

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
    random: systemRandom,
    onCutCall: (madeAtMs) => done.push(madeAtMs),
  });
  open.push(liveCalls);
  const watch = (method: string, isEventStream = true) => {
    const call = { outcome: 'admitted', expiresAt: 2000 } as AdmittedCall;
    const destroy = vi.fn();
    const caller = { method, isHeadSent: true, destroy } as unknown as Caller;
    const context = { requestId: 'r', clientAddress: '' };
    const exchange = new Exchange(caller, context, createHeaderBlock([]), (over) => liveCalls.forget(over));
    const aborted: Failure[] = [];
    const finish = vi.fn((farewell: string) => exchange.stream?.end(farewell));
    const flight = { abort: (failure: Failure) => aborted.push(failure), finish, onCallerGone: vi.fn() };
    exchange.flight = flight as unknown as UpstreamFlight;
    exchange.admitted = call;
    exchange.listens = method === 'GET';
    if (isEventStream) exchange.stream = new EventStream(false);
    liveCalls.watch(exchange);
    return { call, exchange, aborted, finish, destroy };
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
    expect(stream.finish).toHaveBeenCalledOnce();
    expect(other.finish).not.toHaveBeenCalled();
    expect(done).toEqual([]);
    stream.exchange.onClose();
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
    expect(call.aborted).toHaveLength(1);
    expect(call.finish).not.toHaveBeenCalled();
    expect(call.aborted[0]?.refusal.status).toBe(401);
  });

  it('are cut when the client does not read', async () => {
    const { liveCalls, refused, done, watch } = setUp();
    const { call, exchange, finish, destroy } = watch('GET');
    destroy.mockImplementation(() => {
      exchange.onClose();
    });
    refused.set(call, 'token_revoked');
    liveCalls.sweepSoon(1);
    await vi.waitFor(() => {
      expect(destroy).toHaveBeenCalledOnce();
    });
    expect(finish).toHaveBeenCalledOnce();
    expect(done).toEqual([1]);
  });

  it('are left alone once their last byte is out', async () => {
    const { liveCalls, refused, watch } = setUp();
    const { call, exchange, destroy } = watch('GET');
    refused.set(call, 'token_revoked');
    liveCalls.sweepSoon(1);
    await aMoment();
    exchange.onClose();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(destroy).not.toHaveBeenCalled();
  });

  it('count as ended by it only when they were', async () => {
    const { liveCalls, refused, done, watch } = setUp();
    const { call, exchange, finish } = watch('GET');
    refused.set(call, 'token_expired');
    liveCalls.sweepSoon(1);
    await aMoment();
    exchange.onClose();
    expect(finish).toHaveBeenCalledOnce();
    expect(done).toEqual([]);
  });

  it('end with the process when they are streams that only listen', () => {
    const { liveCalls, watch } = setUp();
    const [stream, call, download] = [watch('GET'), watch('POST'), watch('GET', false)];
    liveCalls.endListeningStreams(1);
    expect(stream.finish).toHaveBeenCalledOnce();
    expect(call.finish).not.toHaveBeenCalled();
    expect(download.finish).not.toHaveBeenCalled();
  });

  it('end a part at a time, each with a pause of its own, and none twice', () => {
    const { liveCalls, watch } = setUp();
    const streams = Array.from({ length: 300 }, () => watch('GET'));
    const farewells = (): string[] => streams.flatMap(({ finish }) => finish.mock.calls.flat());
    liveCalls.endListeningStreams(0.1);
    expect(farewells()).toHaveLength(30);
    liveCalls.endListeningStreams(0.5);
    expect(farewells()).toHaveLength(30 + 135);
    liveCalls.endListeningStreams(1);
    expect(farewells()).toHaveLength(300);
    for (const { finish } of streams) expect(finish).toHaveBeenCalledOnce();
    const pauses = farewells().map((text) => Number(/^retry: (\d+)\n\n$/.exec(text)?.[1]));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5000);
    expect(new Set(pauses).size).toBeGreaterThan(100);
  });

  it('are not left one by one when they are few', () => {
    const { liveCalls, watch } = setUp();
    const streams = Array.from({ length: 25 }, () => watch('GET'));
    liveCalls.endListeningStreams(0.01);
    for (const { finish } of streams) expect(finish).toHaveBeenCalledOnce();
  });
});
