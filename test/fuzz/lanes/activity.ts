/** How many turns of the event loop without a byte on any socket mean that nothing more comes. */
const quietTurns = 12;
const patientTurns = 100;
const patientMs = 15;

/**
 * Tells when a conversation has come to rest. All sockets are in this process and on loopback, so that what one side
 * wrote is there for the other in the next turn of the event loop: nobody has to wait for a time.
 */
export class Activity {
  #count = 0;
  /** Waits long, for a second look at what seems to be a difference. */
  isPatient = false;

  touch(): void {
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  async quiet(turns = quietTurns): Promise<void> {
    const enough = this.isPatient ? patientTurns : turns;
    for (;;) {
      const before = this.#count;
      await this.#calm(enough);
      if (this.isPatient) await new Promise((resolve) => setTimeout(resolve, patientMs));
      if (before === this.#count) return;
    }
  }

  /** Resolves after so many turns without activity. */
  async #calm(turns: number): Promise<void> {
    let seen = this.#count;
    for (let calm = 0; calm < turns; calm += 1) {
      await turn();
      if (this.#count !== seen) calm = 0;
      seen = this.#count;
    }
  }

  async turns(count: number): Promise<void> {
    const enough = this.isPatient ? 4 * count : count;
    for (let passed = 0; passed < enough; passed += 1) await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
