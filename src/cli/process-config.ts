import { readFileSync } from 'node:fs';

import type { GatehouseConfig } from '../gateway/config/config.ts';
import { loadConfig } from '../gateway/config/load-config.ts';

/**
 * The configuration of this process.
 * @throws ConfigError
 */
export function loadProcessConfig(): GatehouseConfig {
  return loadConfig(process.env, (path) => readFileSync(path, 'utf8'), { nodeVersion: process.version });
}
