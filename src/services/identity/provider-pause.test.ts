import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createProviderPause, type ProviderPause } from './provider-pause.ts';

let clock: FakeClock;
let pause: ProviderPause;

beforeEach(() => {
  clock = new FakeClock();
  pause = createProviderPause(clock);
});

function fail(times: number): void {
  for (let count = 0; count < times; count += 1) pause.failed();
}

describe('createProviderPause', () => {
  it('does not pause for a failure or two', () => {
    fail(2);
    expect(pause.admits()).toBe(true);
  });

  it('counts failures in a row only', () => {
    fail(2);
    pause.answered();
    fail(2);
    expect(pause.admits()).toBe(true);
  });

  it('pauses for two seconds after three failures', () => {
    fail(3);
    expect(pause.admits()).toBe(false);
    clock.advance(1.999);
    expect(pause.admits()).toBe(false);
  });

  it('calls it silent from then on, until it answers', () => {
    fail(2);
    expect(pause.isSilent()).toBe(false);
    fail(1);
    clock.advance(3600);
    expect([pause.isPaused(), pause.isSilent()]).toEqual([false, true]);
    pause.answered();
    expect(pause.isSilent()).toBe(false);
  });

  it('lets one question find out, and all others once it is answered', () => {
    fail(3);
    clock.advance(2);
    expect([pause.admits(), pause.admits()]).toEqual([true, false]);
    pause.answered();
    expect([pause.admits(), pause.admits()]).toEqual([true, true]);
  });

  it('pauses again when that question fails', () => {
    fail(3);
    clock.advance(2);
    expect(pause.admits()).toBe(true);
    clock.advance(1);
    pause.failed();
    clock.advance(1.999);
    expect(pause.admits()).toBe(false);
    clock.advance(0.001);
    expect(pause.admits()).toBe(true);
  });

  it('lasts no longer because the clock was set back', () => {
    fail(3);
    clock.advance(-3600);
    expect(pause.admits()).toBe(true);
  });
});
