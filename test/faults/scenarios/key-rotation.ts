/**
 * R15: keys are announced, take over and retire under load, by the commands an operator uses; then the active one is
 * destroyed, as after a leak.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startRedis } from '../../support/redis.ts';
import type { FaultClient, Session } from '../support/fault-client.ts';
import { between, latencies, ofOperation, succeeded } from '../support/figures.ts';
import { type GatehouseProcess, runGatehouse } from '../support/gatehouse-process.ts';
import { signInMany, sleep, startHonestLoad } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';
import { namesOf } from './redis-killed.ts';

const scales = {
  short: { sessions: 16, refreshMilliseconds: 1_200, callMilliseconds: 150, rotations: 1 },
  full: { sessions: 150, refreshMilliseconds: 1_500, callMilliseconds: 500, rotations: 4 },
} as const;
const activationSeconds = 5;
/** Somebody who still gets in after this is not going to be stopped. */
const patienceMilliseconds = 30_000;

export const keyRotation: Scenario = async (run) => {
  const redis = await startRedis();
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  const file = join(folder, 'keys.json');
  runGatehouse('keys', 'generate', '--file', file);
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R15',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
      env: { SIGNING_KEYS_FILE: file, TOKEN_SIGNING_SECRET: '' },
    },
    async (world) => {
      world.onEnd(() => rmSync(folder, { recursive: true }));
      world.onEnd(() => redis.dispose());
      await rotateUnderLoad(world, file, scale);
      await destroyActive(world, file);
    },
  );
};

async function rotateUnderLoad(
  world: World,
  file: string,
  scale: (typeof scales)[keyof typeof scales],
): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const deps = { client, random, replicas: cluster.replicas };
  const load = startHonestLoad(deps, await signInMany(deps, scale.sessions), scale);
  const from = performance.now();
  for (let rotation = 0; rotation < scale.rotations; rotation += 1) {
    const rotate = ['keys', 'rotate', '--file', file, '--retire-in', '1h'];
    runGatehouse(...rotate, '--activate-in', `${activationSeconds}s`);
    // Codes and logins under way while the key changes.
    const pending = await client.obtainCode(random.pick(cluster.replicas));
    await sleep(activationSeconds * 1000 + 1_500);
    const { tokens } = await client.redeem(random.pick(cluster.replicas), pending);
    world.expect(tokens !== undefined, 'a code of the key before was refused');
  }
  await load.stop();
  const answers = between(recorder.answers, from, performance.now());
  const failed = answers.length - succeeded(answers).length;
  world.note({
    rotations: scale.rotations,
    'token requests': ofOperation(answers, 'refresh').length,
    calls: ofOperation(answers, 'call').length,
    'requests a second': answers.length / ((performance.now() - from) / 1000),
    failed: failed,
    ...latencies('refresh', ofOperation(answers, 'refresh')),
  });
  world.expect(failed === 0, `${failed} requests failed while keys changed`);
  world.expect(load.lost().length === 0, `logins were lost to ${namesOf(load.lost())}`);
}

async function destroyActive(world: World, file: string): Promise<void> {
  const { client, cluster, random } = world;
  const sessions = await signInMany({ client, random, replicas: cluster.replicas }, 4);
  const { keys } = JSON.parse(runGatehouse('keys', 'status', '--json', '--file', file)) as {
    keys: ReadonlyArray<{ id: string; state: string }>;
  };
  const active = keys.find(({ state }) => state === 'active')?.id ?? '';
  runGatehouse('keys', 'destroy', active, '--yes', '--file', file);
  const destroyed = performance.now();
  const ends = await Promise.all(
    sessions.flatMap((session) =>
      cluster.replicas.map((replica) => untilRefused(client, replica, session, destroyed)),
    ),
  );
  const fresh = await signInMany({ client, random, replicas: cluster.replicas }, 2);
  world.note({
    'destroyed: refused everywhere after ms': Math.max(...ends.map((end) => end ?? Infinity)),
    'destroyed: new logins': fresh.length,
  });
  world.expect(!ends.includes(undefined), 'a destroyed key still opens');
  let accepted = 0;
  for (const session of sessions) {
    const { tokens } = await client.refresh(random.pick(cluster.replicas), session);
    if (tokens !== undefined) accepted += 1;
  }
  world.expect(accepted === 0, 'a refresh token of a destroyed key was accepted');
}

async function untilRefused(
  client: FaultClient,
  replica: GatehouseProcess,
  session: Session,
  since: number,
): Promise<number | undefined> {
  while (performance.now() < since + patienceMilliseconds) {
    const { result, endedAt } = await client.call(replica, session);
    if (result.outcome === 'refused' && result.status === 401) return endedAt - since;
    await sleep(100);
  }
  return undefined;
}
