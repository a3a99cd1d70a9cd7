import { accessSync, readFileSync, statSync } from 'node:fs';

import type { GatehouseConfig } from '../gateway/config/config.ts';
import { ConfigError, type ConfigProblem, loadConfig } from '../gateway/config/load-config.ts';
import { unknownVariable } from '../gateway/config/unknown-variables.ts';
import { systemClock } from '../platform/clock.ts';
import { PemFileError, readAuthorities, readCertificate } from '../platform/tls/pem-files.ts';
import { KeySetError } from '../services/keys/key-set-error.ts';
import { readKeyFile } from '../services/keys/read-key-file.ts';
import { findStorePathProblem } from './store-path.ts';

/**
 * The configuration of this process, with a key file that was looked into.
 * @throws ConfigError
 */
export function loadProcessConfig(): GatehouseConfig {
  const config = load();
  refuse(config, findKeyFileProblem(config), ...findPemProblems(config));
  return config;
}

/**
 * The same for a server, which also has to be able to make its store.
 * @throws ConfigError
 */
export function loadServerConfig(): GatehouseConfig {
  const config = load();
  refuse(config, findKeyFileProblem(config), ...findPemProblems(config), findStoreProblem(config));
  return config;
}

function load(): GatehouseConfig {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  return loadConfig(process.env, readFile, { nodeVersion: process.version });
}

function refuse(config: GatehouseConfig, ...found: readonly (ConfigProblem | undefined)[]): void {
  const problems = found.filter((problem) => problem !== undefined);
  if (problems.length === 0) return;
  const unknown = config.warnings.filter(({ event }) => event === unknownVariable);
  throw new ConfigError(problems, unknown);
}

function findKeyFileProblem({ sealing, productionMode }: GatehouseConfig): ConfigProblem | undefined {
  if (sealing.kind !== 'key-file') return undefined;
  try {
    readKeyFile(sealing.path, { now: systemClock.nowSeconds(), refuseExposed: productionMode });
    return undefined;
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error;
    return { variable: 'SIGNING_KEYS_FILE', problem: error.problem, fix: error.fix };
  }
}

/** What is wrong with the certificates, of each use the first that there is. */
function findPemProblems({ certificate, mounts }: GatehouseConfig): ConfigProblem[] {
  const { caFile, certificate: shown } = mounts[0].upstream.tls;
  const now = systemClock.nowSeconds();
  return [
    findPemProblem('TLS', () => certificate && readCertificate(certificate, now)),
    findPemProblem('UPSTREAM', () => caFile && readAuthorities(caFile)),
    findPemProblem('UPSTREAM_CLIENT', () => shown && readCertificate(shown, now)),
  ].filter((problem) => problem !== undefined);
}

const variableParts = { certificate: 'CERT', key: 'KEY', authorities: 'CA' } as const;

function findPemProblem(family: string, read: () => unknown): ConfigProblem | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof PemFileError)) throw error;
    const { file, problem, fix } = error;
    return {
      variable: `${family}_${variableParts[file]}_FILE`,
      problem: `names a file that ${problem}`,
      fix,
    };
  }
}

function findStoreProblem({ store }: GatehouseConfig): ConfigProblem | undefined {
  if (store.kind !== 'sqlite') return undefined;
  return findStorePathProblem(store.path, { stat: statSync, access: accessSync });
}
