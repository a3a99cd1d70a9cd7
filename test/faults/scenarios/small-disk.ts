/** R19: one node on SQLite whose disk runs full, whose file is locked, torn by a power cut, or damaged. */
import { appendFileSync, chmodSync, closeSync, copyFileSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import type { Session } from '../support/fault-client.ts';
import { latencies, ofOperation, refusedWith, succeeded } from '../support/figures.ts';
import { refreshUntilServed, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';
import { openSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const scales = { short: { sessions: 10, cuts: 2 }, full: { sessions: 60, cuts: 20 } } as const;

export const smallDisk: Scenario = async (run) => {
  const disk = openSmallDisk();
  const path = join(disk.folder, 'store.sqlite');
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R19',
      run,
      replicas: 1,
      store: () => ({ STORE_PATH: path }),
      env: { REFRESH_RACE_GRACE_SEC: '600', RATE_LIMIT_ENABLED: 'false' },
    },
    async (world) => {
      world.onEnd(() => disk.close());
      const { client, cluster, random } = world;
      const sessions = await signInMany({ client, random, replicas: cluster.replicas }, scale.sessions);
      world.note({ 'a disk of its own (1) or a limit (0)': Number(disk.isMounted) });
      await full(world, disk, sessions);
      await torn(world, path, sessions, scale.cuts);
      await unwritable(world, path, sessions);
      await damaged(world, path);
    },
  );
};

async function full(world: World, disk: SmallDisk, sessions: readonly Session[]): Promise<void> {
  const { client, cluster, recorder } = world;
  const [node] = cluster.replicas;
  const pending = await client.obtainCode(node);
  disk.fill(node);
  const from = recorder.answers.length;
  for (const session of sessions) {
    await client.refresh(node, session);
    await client.call(node, session);
  }
  await client.redeem(node, pending);
  const answers = recorder.answers.slice(from);
  const refreshes = ofOperation(answers, 'refresh');
  const calls = ofOperation(answers, 'call');
  disk.free(node);
  const served = await Promise.all(sessions.map((session) => refreshUntilServed(client, node, session)));
  world.note({
    'full: refreshed': succeeded(refreshes).length,
    'full: 503': refusedWith(refreshes, 503).length,
    ...latencies('full: 503', refusedWith(refreshes, 503)),
    'full: calls failed': calls.length - succeeded(calls).length,
    'full: sessions lost': served.filter((each) => !each).length,
  });
  world.expect(refusedWith(refreshes, 503).length > 0, 'the disk was not full: the test proves nothing');
  world.expect(succeeded(calls).length === calls.length, 'a call with a valid token failed');
  world.expect(served.every(Boolean), 'a login was lost to a full disk');
}

/** Killed while it writes, and what it was writing is half there. Everything that was answered still holds. */
async function torn(world: World, path: string, sessions: readonly Session[], cuts: number): Promise<void> {
  const { client, cluster, random } = world;
  const [node] = cluster.replicas;
  const starts: number[] = [];
  let differed = 0;
  let lost = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    const presented = sessions.map(({ refreshToken }) => refreshToken);
    const work = sessions.map((session) => client.refresh(node, session));
    await sleep(random.next() * 40);
    await node.kill();
    const replies = await Promise.all(work);
    tear(`${path}-wal`, random.below(4_000));
    starts.push(await node.start());
    for (const [index, session] of sessions.entries()) {
      const again = await client.steal(node, session, presented[index] ?? '');
      if (again.tokens === undefined) lost += 1;
      const before = replies[index]?.tokens?.refreshToken;
      if (before !== undefined && again.tokens?.refreshToken !== before) differed += 1;
      Object.assign(session, again.tokens);
    }
  }
  world.note({
    'torn: cuts': cuts,
    'torn: acknowledged and forgotten': differed,
    'torn: sessions lost': lost,
    'torn: start worst ms': Math.max(...starts),
  });
  world.expect(differed === 0, 'a rotation that was answered is forgotten');
  world.expect(lost === 0, 'a login was lost to a power cut');
}

/** The first part of a frame that never got its end. */
function tear(log: string, bytes: number): void {
  if (statSync(log, { throwIfNoEntry: false }) !== undefined) appendFileSync(log, Buffer.alloc(bytes, 0xa5));
}

async function unwritable(world: World, path: string, sessions: readonly Session[]): Promise<void> {
  const { client, cluster } = world;
  const [node] = cluster.replicas;
  await node.stop();
  chmodSync(path, 0o400);
  const refusal = await refusalToStart(world);
  chmodSync(path, 0o600);
  await node.start();
  const replies = await Promise.all(sessions.map((session) => client.refresh(node, session)));
  const lost = replies.filter(({ tokens }) => tokens === undefined).length;
  world.note({ 'read-only: refused to start': Number(refusal !== ''), 'read-only: sessions lost': lost });
  world.expect(refusal.includes('may not read and write'), `a read-only file was met with: ${refusal}`);
  world.expect(lost === 0, 'a login was lost to a read-only file');
}

/** A page in the middle is garbage, then the first one. */
async function damaged(world: World, path: string): Promise<void> {
  const { client, cluster, recorder } = world;
  const [node] = cluster.replicas;
  const session = await client.signIn(node);
  await node.stop();
  const kept = `${path}.kept`;
  copyFileSync(path, kept);

  overwrite(path, 4_096, statSync(path).size - 4_096);
  const from = recorder.answers.length;
  const started = await refusalToStart(world);
  if (started === '') await client.refresh(node, session);
  await node.stop();
  const accepted = succeeded(recorder.answers.slice(from)).length;
  overwrite(path, 0, 4_096);
  const refusal = await refusalToStart(world);
  copyFileSync(kept, path);
  await node.start();
  const { tokens } = await client.refresh(node, session);
  world.note({
    'damaged pages: accepted': accepted,
    'damaged head: refused to start': Number(refusal !== ''),
    'damaged: sessions lost with the copy put back': Number(tokens === undefined),
  });
  world.expect(accepted === 0, 'a damaged file took a rotation');
  world.expect(/not a SQLite database|damaged/.test(refusal), `a damaged file was met with: ${refusal}`);
  world.expect(tokens !== undefined, 'a login was lost although the file was put back');
}

function overwrite(path: string, from: number, bytes: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, from);
  closeSync(file);
}

/** Why it does not start; empty when it does. */
async function refusalToStart({ cluster }: World): Promise<string> {
  return cluster.replicas[0].start().then(
    () => '',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
