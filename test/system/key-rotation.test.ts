import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { soundEnvironment } from '../support/configuration.ts';
import { createTestKeyFile, type TestKeyFile } from '../support/key-file.ts';

interface Serving {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  log(): string;
}

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function openKeyFile(): TestKeyFile {
  const keyFile = createTestKeyFile(systemClock);
  closers.push(() => keyFile.remove());
  return keyFile;
}

async function serve(env: Readonly<Record<string, string | undefined>>): Promise<Serving> {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, 'serve'], {
    env: {
      ...soundEnvironment,
      PROD_MODE: 'false',
      OIDC_ISSUER_URL: 'http://127.0.0.1:1',
      STORE_PATH: ':memory:',
      LISTEN_ADDR: '127.0.0.1:0',
      METRICS_ADDR: '127.0.0.1:0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const serving = { child, ended: once(child, 'close'), log: () => output };
  closers.push(async () => {
    child.kill('SIGKILL');
    await serving.ended;
  });
  await see(serving, '"listening"');
  return serving;
}

async function see(serving: Serving, text: string): Promise<void> {
  await vi.waitFor(() => expect(serving.log()).toContain(text), { timeout: 20_000, interval: 50 });
}

describe('gatehouse serve with a key file', () => {
  it('takes a new file by itself within seconds, and follows a destroyed key', async () => {
    const keyFile = openKeyFile();
    const serving = await serve(keyFile.env);
    keyFile.rotate(3600);
    await see(serving, '"state":"announced"');
    keyFile.destroy(keyFile.firstId);
    await see(serving, `"key":"${keyFile.firstId}","state":"destroyed"`);
    await see(serving, '"state":"active"');
    expect(serving.child.exitCode).toBeNull();
  });

  it('reads the file on SIGHUP, and goes on with the keys it has when the file is no good', async () => {
    const keyFile = openKeyFile();
    const serving = await serve(keyFile.env);
    writeFileSync(keyFile.path, 'not a key file');
    for (let time = 0; time < 3; time += 1) serving.child.kill('SIGHUP');
    await see(serving, '"keys_reload_refused"');
    expect(serving.log()).toContain('"fault":"malformed"');
    expect(serving.log()).not.toContain('shutting_down');
    expect(serving.child.exitCode).toBeNull();
    serving.child.kill('SIGTERM');
    await serving.ended;
    expect(serving.child.exitCode).toBe(0);
  });

  it('without a key file SIGHUP ends the process as SIGTERM does', async () => {
    const serving = await serve({});
    serving.child.kill('SIGHUP');
    await serving.ended;
    expect(serving.child.exitCode).toBe(0);
    expect(serving.log()).toContain('shutting_down');
  });
});
