import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createGrants, type Grants, type Rotation } from '../../src/services/tokens/grants.ts';
import type { Revocations } from '../../src/services/tokens/revocations.ts';
import { FakeClock } from '../support/fake-clock.ts';

const windowSeconds = 30;
const codeSeconds = 60;
const lifetimeSeconds = 1000;

/** The system: one grant, and whoever holds its code and any of its refresh tokens. */
class Real {
  readonly clock = new FakeClock();
  readonly revoked = new Set<string>();
  readonly terms: GrantTerms;
  readonly grants: Grants;
  /** Token id → the one successor it was ever given. */
  readonly successors = new Map<string, string>();
  #made = 0;
  #holders = 0;

  constructor(wrap: (store: Store) => Store = (store) => store) {
    const now = this.clock.nowSeconds();
    this.terms = {
      grantId: 'g',
      identityIssuer: 'https://idp.test',
      subject: 'person',
      email: undefined,
      name: undefined,
      groups: [],
      client: fingerprintClientId('client'),
      resource: 'https://gatehouse.test/mcp',
      scope: [],
      grantedAt: now,
      absoluteEnd: now + lifetimeSeconds,
    };
    const revocations: Revocations = {
      judge: ({ grantId }) => this.revoked.has(grantId),
      isRevoked: (grantId) => this.revoked.has(grantId),
      cutOff: async ({ key }) => void this.revoked.add(key),
      onCutOff: () => () => {},
      revoke: async (grantId) => void this.revoked.add(grantId),
      refresh: async () => {},
      close: () => {},
    };
    this.grants = createGrants({
      store: wrap(createMemoryStore({ clock: this.clock })),
      clock: this.clock,
      revocations,
      refreshWindowSeconds: windowSeconds,
    });
  }

  newHolder(): string {
    this.#holders += 1;
    return `holder ${this.#holders}`;
  }

  /** What the token endpoint does with a code: a replay ends the grant. */
  async redeem(tokenId: string): Promise<string> {
    const redemption = await this.grants.redeem(this.terms, tokenId);
    if (redemption === 'replayed') await this.grants.revoke(this.terms, 'code_replay');
    return redemption;
  }

  /** What the token endpoint does with a refresh token: reuse ends the grant. */
  async rotate(tokenId: string): Promise<Rotation> {
    const token = { terms: this.terms, tokenId, expiresAt: this.terms.absoluteEnd };
    const rotation = await this.grants.rotate(token, () => {
      this.#made += 1;
      return { tokenId: `r${this.#made}`, sealed: `r${this.#made}` };
    });
    if (rotation.outcome === 'reused') await this.grants.revoke(this.terms, 'refresh_reuse');
    if ('sealed' in rotation) {
      // Two successors of one token would be two live branches of one grant: the thief's and the client's.
      expect(this.successors.get(tokenId) ?? rotation.sealed).toBe(rotation.sealed);
      this.successors.set(tokenId, rotation.sealed);
    }
    return rotation;
  }
}

/** The same in a few words: what must be the case, without saying how. */
interface Model {
  stage: 'pending' | 'active' | 'revoked' | 'gone';
  age: number;
  /** The refresh tokens handed out, in their order; the last one is the live one. */
  readonly chain: string[];
  rotatedAt: number;
  /** Until when somebody holds the lease of the live token. */
  leasedUntil: number;
}

type Command = fc.AsyncCommand<Model, Real>;

const redeem: Command = {
  check: () => true,
  toString: () => 'redeem',
  async run(model, real) {
    const expected = { pending: 'redeemed', active: 'replayed', revoked: 'revoked', gone: 'unknown' }[
      model.stage
    ];
    expect(await real.redeem('r0')).toBe(expected);
    if (model.stage === 'pending') {
      model.stage = 'active';
      model.chain.push('r0');
    } else if (model.stage === 'active') {
      model.stage = 'revoked';
    }
  },
};

class Rotate implements Command {
  readonly #pick: number;

  constructor(pick: number) {
    this.#pick = pick;
  }

  check(model: Readonly<Model>): boolean {
    return model.chain.length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const fromEnd = this.#pick % (model.chain.length + 1);
    const tokenId = model.chain[model.chain.length - 1 - fromEnd] ?? 'never issued';
    const rotation = await real.rotate(tokenId);
    if (model.stage !== 'active') {
      expect(rotation.outcome).toBe(model.stage === 'revoked' ? 'revoked' : 'unknown');
    } else if (fromEnd === 0) {
      expect(rotation.outcome).toBe('rotated');
      model.chain.push((rotation as { sealed: string }).sealed);
      model.rotatedAt = model.age;
      model.leasedUntil = model.age;
    } else if (fromEnd === 1 && tokenId !== 'never issued' && model.age - model.rotatedAt < windowSeconds) {
      expect(rotation).toEqual({ outcome: 'repeated', sealed: model.chain.at(-1) });
    } else {
      expect(rotation.outcome).toBe('reused');
      model.stage = 'revoked';
    }
  }

  toString(): string {
    return `rotate the ${this.#pick}th from the end`;
  }
}

class RotateAtOnce implements Command {
  readonly #callers: number;

  constructor(callers: number) {
    this.#callers = callers;
  }

  check(model: Readonly<Model>): boolean {
    return model.stage === 'active';
  }

  async run(model: Model, real: Real): Promise<void> {
    const tokenId = model.chain.at(-1) as string;
    const rotations = await Promise.all(Array.from({ length: this.#callers }, () => real.rotate(tokenId)));
    expect(rotations.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1);
    expect(rotations.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(this.#callers - 1);
    model.chain.push((rotations[0] as { sealed: string }).sealed);
    model.rotatedAt = model.age;
    model.leasedUntil = model.age;
  }

  toString(): string {
    return `rotate ${this.#callers} times at once`;
  }
}

/** A process takes the lease of the current token, and dies with it or gives it back. */
class Lease implements Command {
  readonly #isGivenBack: boolean;

  constructor(isGivenBack: boolean) {
    this.#isGivenBack = isGivenBack;
  }

  check(model: Readonly<Model>): boolean {
    return model.stage === 'active';
  }

  async run(model: Model, real: Real): Promise<void> {
    const tokenId = model.chain.at(-1) as string;
    const token = { terms: real.terms, tokenId, expiresAt: real.terms.absoluteEnd };
    const [first, second] = [real.newHolder(), real.newHolder()];
    const isHeld = model.leasedUntil > model.age;
    expect(await real.grants.lease(token, first)).toMatchObject({ outcome: isHeld ? 'busy' : 'leased' });
    if (isHeld) return;
    expect(await real.grants.lease(token, second)).toEqual({ outcome: 'busy' });
    expect(await real.grants.lease(token, first)).toMatchObject({ outcome: 'leased' });
    await real.grants.release(token, second);
    expect(await real.grants.lease(token, second)).toEqual({ outcome: 'busy' });
    if (this.#isGivenBack) await real.grants.release(token, first);
    model.leasedUntil = this.#isGivenBack ? model.age : model.age + 10;
  }

  toString(): string {
    return this.#isGivenBack ? 'lease and give back' : 'lease and die';
  }
}

class Wait implements Command {
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    real.clock.advance(this.#seconds);
    model.age += this.#seconds;
    if (model.stage === 'pending' ? model.age >= codeSeconds : model.age >= lifetimeSeconds)
      model.stage = 'gone';
  }

  toString(): string {
    return `wait ${this.#seconds} s`;
  }
}

const revoke: Command = {
  check: () => true,
  toString: () => 'revoke',
  async run(model, real) {
    await real.grants.revoke(real.terms, 'test');
    if (model.stage !== 'gone') model.stage = 'revoked';
  },
};

const commands = fc.commands(
  [
    fc.constant(redeem),
    fc.nat({ max: 4 }).map((pick) => new Rotate(pick)),
    fc.constantFrom(0, 0, 0, 1).map((pick) => new Rotate(pick)),
    fc.integer({ min: 2, max: 16 }).map((callers) => new RotateAtOnce(callers)),
    fc.boolean().map((isGivenBack) => new Lease(isGivenBack)),
    fc.constantFrom(1, 9, 10, 29, 30, 59, 60, 200).map((seconds) => new Wait(seconds)),
    fc.constant(revoke),
  ],
  { maxCommands: 24 },
);

describe('a grant', () => {
  it('behaves as its model says, in any order of steps', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const real = new Real();
        await real.grants.open(real.terms, real.clock.nowSeconds() + codeSeconds);
        const model: Model = { stage: 'pending', age: 0, chain: [], rotatedAt: 0, leasedUntil: 0 };
        await fc.asyncModelRun(() => ({ model, real }), steps);
        if (model.stage === 'revoked') expect(real.revoked.has('g')).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('never has two live branches, however the store’s answers interleave', async () => {
    const attempt = fc.constantFrom('redeem', 'rotate r0', 'rotate r0', 'rotate r1', 'lease r0', 'revoke');
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(attempt, { minLength: 2, maxLength: 8 }),
        async (scheduler, attempts) => {
          const real = new Real((store) => ({
            ...store,
            get: scheduler.scheduleFunction((key: string) => store.get(key)),
            replace: scheduler.scheduleFunction((...change: Parameters<Store['replace']>) =>
              store.replace(...change),
            ),
          }));
          await real.grants.open(real.terms, real.clock.nowSeconds() + codeSeconds);
          await scheduler.waitFor(real.redeem('r0'));
          const outcomes = await scheduler.waitFor(
            Promise.all(
              attempts.map(async (each) => {
                if (each === 'redeem') return real.redeem('again');
                if (each === 'lease r0') return leaseAndRotate(real);
                if (each === 'revoke') return real.grants.revoke(real.terms, 'test').then(() => 'ended');
                return (await real.rotate(each.slice('rotate '.length))).outcome;
              }),
            ),
          );
          expect(outcomes).not.toContain('redeemed');
          const ended = outcomes.some((outcome) => ['replayed', 'reused', 'ended'].includes(outcome));
          const live = ['r0', ...real.successors.values()];
          const later = await scheduler.waitFor(Promise.all(live.map((tokenId) => real.rotate(tokenId))));
          const rotated = later.filter(({ outcome }) => outcome === 'rotated');
          // Whoever ended the grant, no order of the others' answers may have brought it back.
          if (ended) expect([rotated.length, real.revoked.has('g')]).toEqual([0, true]);
          else expect(rotated.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** What a refresh does that asks the identity provider. One that finds another at it comes back later. */
async function leaseAndRotate(real: Real): Promise<string> {
  const token = { terms: real.terms, tokenId: 'r0', expiresAt: real.terms.absoluteEnd };
  const lease = await real.grants.lease(token, real.newHolder());
  const isAtIt = lease.outcome === 'leased' || lease.outcome === 'reused';
  return isAtIt ? (await real.rotate('r0')).outcome : lease.outcome;
}
