import type { Sweep, Swept } from './sweep.ts';

export interface TimeLimits {
  readonly connectTimeoutMs: number;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** So much earlier than the upstream says it closes an idle connection we do: a request may be on the way by then. */
const idleMarginSeconds = 1;

/** At which sweep a connection's patience ends. Each method counts from now. */
export class Deadlines<Member extends Swept> {
  readonly #sweep: Sweep<Member>;
  readonly #limits: TimeLimits;

  constructor(sweep: Sweep<Member>, limits: TimeLimits) {
    this.#sweep = sweep;
    this.#limits = limits;
  }

  forConnecting(): number {
    return this.#sweep.after(this.#limits.connectTimeoutMs);
  }

  forHead(): number {
    return this.#sweep.after(this.#limits.headerTimeoutMs);
  }

  /**
   * @param offeredSeconds for how long the upstream said it keeps the connection; `Infinity`: it did not say
   * @returns undefined when the connection is not to be kept at all
   */
  forIdling(offeredSeconds: number): number | undefined {
    const offeredMs = (offeredSeconds - idleMarginSeconds) * 1000;
    return this.#sweep.before(Math.min(this.#limits.idleTimeoutMs, offeredMs));
  }
}
