import { readFileSync } from 'node:fs';

import type { GatehouseConfig } from '../gateway/config/config.ts';
import { ConfigError, loadConfig } from '../gateway/config/load-config.ts';
import { systemClock } from '../platform/clock.ts';
import { KeySetError } from '../services/keys/key-set-error.ts';
import { readKeyFile } from '../services/keys/read-key-file.ts';

/**
 * The configuration of this process, with a key file that was looked into.
 * @throws ConfigError
 */
export function loadProcessConfig(): GatehouseConfig {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  const config = loadConfig(process.env, readFile, { nodeVersion: process.version });
  checkKeyFile(config);
  return config;
}

function checkKeyFile({ sealing, productionMode }: GatehouseConfig): void {
  if (sealing.kind !== 'key-file') return;
  try {
    readKeyFile(sealing.path, { now: systemClock.nowSeconds(), refuseExposed: productionMode });
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error;
    throw new ConfigError([{ variable: 'SIGNING_KEYS_FILE', problem: error.problem, fix: error.fix }]);
  }
}
