import type { Clock } from '../../src/platform/clock.ts';

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #milliseconds: number;

  constructor(start = Date.UTC(2026, 10, 21, 12, 0, 0)) {
    this.#milliseconds = start;
  }

  nowSeconds(): number {
    return Math.floor(this.#milliseconds / 1000);
  }

  nowMilliseconds(): number {
    return this.#milliseconds;
  }

  advance(seconds: number): void {
    this.#milliseconds += seconds * 1000;
  }
}
