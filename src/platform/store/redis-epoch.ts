import { createHash } from 'node:crypto';

import type { EpochSeconds } from '../clock.ts';
import type { RedisLink } from './redis-connection.ts';
import { epochScript, runScript } from './redis-scripts.ts';

/**
 * The record by which a loss is noticed: a name that was drawn by chance, and the run id of the server that holds it.
 * A flush takes the record away. A restart (with an older snapshot, for one) and a failover bring another run id;
 * whether they lost anything cannot be told, so that both count as a loss. The first process that looks draws a new
 * name, in the same atomic step, and every process reads it.
 */
export interface RedisEpoch {
  /** Asks the servers when the epoch began. Safe to repeat. */
  ask(): Promise<EpochSeconds>;
  /** The name that was heard last. */
  lastName(): string;
}

export interface RedisEpochDeps {
  readonly link: RedisLink;
  /** Begins with the deployment's key prefix. */
  readonly key: string;
  readonly isCluster: boolean;
  readonly drawName: () => string;
  readonly now: () => EpochSeconds;
  readonly onChange: () => void;
}

/**
 * Hash tags whose slots lie about a thousand apart: every primary of a cluster that was divided into runs of slots
 * holds one of the records, so that none can lose its memory unnoticed.
 */
const clusterTags: readonly string[] = '18 3 61 58 19 2 60 59 102 1 63 49 103 0 62 48'.split(' ');

/** Whose clock is behind by less than this cannot pass off what began before a loss as something newer. */
const clockToleranceSeconds = 1;

interface Answer {
  readonly name: string;
  readonly since: EpochSeconds;
  readonly renewed: boolean;
}

export function createRedisEpoch(deps: RedisEpochDeps): RedisEpoch {
  const keys = deps.isCluster ? clusterTags.map((tag) => `${deps.key}{${tag}}`) : [deps.key];
  let last: string | undefined;

  async function askOne(key: string): Promise<Answer> {
    const run = (command: readonly string[]) => deps.link.run(key, command);
    const since = String(deps.now() + clockToleranceSeconds);
    const reply = await runScript(run, epochScript, key, [deps.drawName(), since]);
    const [name, began, renewed]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof name !== 'string' || typeof began !== 'string') throw new TypeError('the epoch is no record');
    return { name, since: Number(began), renewed: renewed === 1 };
  }

  return {
    async ask() {
      const answers = await Promise.all(keys.map(askOne));
      const names = answers.map(({ name }) => name);
      const name = names.length === 1 ? names.join('') : digest(names);
      // At the first look there is nothing to compare with, but the record tells when it was there and is outdated.
      const changed = last === undefined ? answers.some(({ renewed }) => renewed) : last !== name;
      last = name;
      if (changed) deps.onChange();
      return Math.max(...answers.map(({ since }) => since));
    },
    lastName: () => last ?? '',
  };
}

function digest(names: readonly string[]): string {
  return createHash('sha256').update(names.join(' ')).digest('base64url').slice(0, 16);
}
