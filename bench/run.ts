/**
 * Runs the benchmarks, prints their figures as JSON and keeps them as `bench/results/<date>.json`. Names given as
 * arguments run alone and are not kept: `npm run bench -- token login`. Neither are those of `BENCH_SHORT=1`, which
 * only shows that everything runs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

import { build } from './build.ts';
import { isShort } from './effort.ts';
import { benchClientDocuments } from './client-documents.ts';
import { benchForeignTokens } from './foreign-tokens.ts';
import { benchGrantsAtRest } from './grants-at-rest.ts';
import { benchKeyProofs } from './key-proofs.ts';
import { benchLogin } from './login.ts';
import { benchMounts } from './mounts.ts';
import { benchPolicy } from './policy.ts';
import { benchRegistrations } from './registrations.ts';
import { benchRevocationFeed } from './revocation-feed.ts';
import { benchStart } from './start.ts';
import { benchTokenEndpoint } from './token-endpoint.ts';
import { benchTokenRedis } from './token-redis.ts';
import { benchVerifiedTokens } from './verified-tokens.ts';

const benches: ReadonlyMap<string, () => Promise<unknown>> = new Map<string, () => Promise<unknown>>([
  ['start', benchStart],
  ['login', benchLogin],
  ['token', benchTokenEndpoint],
  ['token-redis', benchTokenRedis],
  ['registrations', benchRegistrations],
  ['grants', benchGrantsAtRest],
  ['revocations', benchRevocationFeed],
  ['verified-tokens', benchVerifiedTokens],
  ['foreign-tokens', benchForeignTokens],
  ['mounts', benchMounts],
  ['policy', benchPolicy],
  ['client-documents', benchClientDocuments],
  ['key-proofs', benchKeyProofs],
]);

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !benches.has(name));
if (unknown.length > 0) throw new Error(`there is no bench ${unknown.join(', ')}`);

if (!isShort) build();
const figures: Record<string, unknown> = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, load: loadavg() },
};
for (const [name, bench] of benches) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  process.stderr.write(`bench: ${name}\n`);
  figures[name] = await bench();
}
const text = `${JSON.stringify(figures, null, 2)}\n`;
process.stdout.write(text);
if (chosen.length === 0 && !isShort) keep(text);

function keep(text: string): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${new Date().toISOString().slice(0, 10)}.json`), text);
}
