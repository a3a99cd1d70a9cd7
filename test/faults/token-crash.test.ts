import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { obtainCode, redeem, refresh, signIn } from '../support/flow.ts';

const servingProcess = new URL('../support/serving-process.ts', import.meta.url).pathname;
const publicUrl = 'https://gatehouse.test';
const rounds = 30;
const sessionsPerRound = 6;

let folder = '';
let child: ChildProcess | undefined;

afterEach(async () => {
  await kill();
  rmSync(folder, { recursive: true, force: true });
});

async function kill(): Promise<void> {
  const ending = child;
  child = undefined;
  if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
  const gone = once(ending, 'exit');
  ending.kill('SIGKILL');
  await gone;
}

/** Starts a gatehouse on the same database; what a client sends to it. */
async function start() {
  const started = spawn(process.execPath, [servingProcess, join(folder, 'store.sqlite')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const origin = `http://127.0.0.1:${await readPort(started)}`;
  return {
    publicUrl,
    resource: `${publicUrl}/mcp`,
    fetch(pathOrUrl: string, init?: RequestInit): Promise<Response> {
      const url = new URL(pathOrUrl, publicUrl);
      return fetch(`${origin}${url.pathname}${url.search}`, { redirect: 'manual', ...init });
    },
  };
}

function readPort(started: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    started.stdout?.once('data', (line: Buffer) => resolve(Number(line.toString())));
    started.once('exit', (code) => reject(new Error(`the gatehouse ended with ${code} instead of serving`)));
  });
}

/** The refresh token of the answer; undefined when the answer did not come. */
async function tryRefresh(
  gatehouse: Awaited<ReturnType<typeof start>>,
  clientId: string,
  token: string,
): Promise<string | undefined> {
  let body: { refresh_token?: string };
  try {
    const response = await refresh(gatehouse, clientId, token);
    body = (await response.json()) as { refresh_token?: string };
  } catch {
    return undefined;
  }
  if (body.refresh_token === undefined) throw new Error(`refresh answered ${JSON.stringify(body)}`);
  return body.refresh_token;
}

describe('a gatehouse that is killed while it answers token requests', () => {
  it('loses no session and makes no second branch, whenever it dies', async () => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-crash-'));
    let gatehouse = await start();
    const sessions: { clientId: string; token: string }[] = [];
    for (let index = 0; index < sessionsPerRound; index += 1) {
      const tokens = await signIn(gatehouse);
      sessions.push({ clientId: tokens.client.clientId, token: tokens.refreshToken });
    }
    let cutShort = 0;
    for (let round = 0; round < rounds; round += 1) {
      const underWay = sessions.map(({ clientId, token }) => tryRefresh(gatehouse, clientId, token));
      await delay(Math.random() * 12);
      await kill();
      const answers = await Promise.all(underWay);
      cutShort += answers.filter((answer) => answer === undefined).length;

      gatehouse = await start();
      for (const [index, session] of sessions.entries()) {
        const retried = await tryRefresh(gatehouse, session.clientId, session.token);
        const before = answers[index];
        // A successor that was handed out before the death is the one that is handed out after it.
        if (before !== undefined) expect(retried).toBe(before);
        expect(await tryRefresh(gatehouse, session.clientId, session.token)).toBe(retried);
        session.token = retried ?? '';
      }
    }
    for (const { clientId, token } of sessions) {
      expect(await tryRefresh(gatehouse, clientId, token)).toBeDefined();
    }
    // Otherwise it always died before or after all the work, and nothing was proved.
    expect(cutShort).toBeGreaterThan(0);
    expect(cutShort).toBeLessThan(rounds * sessionsPerRound);
  }, 300_000);

  it('redeems a code once, though it died in between', async () => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-crash-'));
    let gatehouse = await start();
    const signedIn = await obtainCode(gatehouse);
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
    await kill();

    gatehouse = await start();
    const replay = await redeem(gatehouse, signedIn);

    expect(replay.status).toBe(400);
    expect(await replay.json()).toMatchObject({ error: 'invalid_grant', error_code: 'code_replay' });
  }, 60_000);
});

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
