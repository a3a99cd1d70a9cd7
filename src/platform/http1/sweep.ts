/** What is looked at in every sweep. */
export interface Swept {
  /** The sweep at which `expire` is to be called; 0: none. */
  readonly dueSweep: number;
  expire(): void;
}

const sweepMs = 250;

/**
 * Deadlines without a timer each, and without asking for the time: one timer counts sweeps while there is something to
 * look at, and a deadline is the number of a sweep. After a standstill of the process no deadline is past only because
 * nobody could do anything meanwhile.
 */
export class Sweep<Member extends Swept> {
  readonly #members = new Set<Member>();
  #timer: NodeJS.Timeout | undefined;
  #count = 0;

  /** The sweep at which so many milliseconds have gone by, or up to 250 more. */
  after(milliseconds: number): number {
    return this.#count + Math.ceil(milliseconds / sweepMs) + 1;
  }

  /** The last sweep before so many milliseconds have gone by; undefined when there may be none. */
  before(milliseconds: number): number | undefined {
    const sweeps = Math.floor(milliseconds / sweepMs);
    return sweeps < 1 ? undefined : this.#count + sweeps;
  }

  add(member: Member): void {
    this.#members.add(member);
    this.#timer ??= setInterval(() => {
      this.#run();
    }, sweepMs).unref();
  }

  delete(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get members(): Iterable<Member> {
    return this.#members;
  }

  #run(): void {
    this.#count += 1;
    for (const member of this.#members) {
      if (member.dueSweep !== 0 && member.dueSweep <= this.#count) member.expire();
    }
  }
}
