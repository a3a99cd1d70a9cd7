import type { ConfigWarning, GatehouseConfig } from '../../src/gateway/config/config.ts';
import { ConfigError, type ConfigProblem, loadConfig } from '../../src/gateway/config/load-config.ts';

/** A secret that no test of weakness objects to. */
export const strongSecret = 'pQ7r9sT2vX4zB6nM8kL1jH3gF5dS0aWe';

/** The smallest environment with which production mode starts. */
export const soundEnvironment: Readonly<Record<string, string>> = {
  PROXY_BASE_URL: 'https://gatehouse.test',
  UPSTREAM_MCP_URL: 'http://127.0.0.1:3000/mcp',
  OIDC_ISSUER_URL: 'https://login.test/realms/main',
  OIDC_CLIENT_ID: 'gatehouse',
  OIDC_CLIENT_SECRET: 'client-secret',
  TOKEN_SIGNING_SECRET: strongSecret,
};

/** Where the file lists identity providers and mounts. */
export const withoutProvider = {
  GATEHOUSE_CONFIG: 'gatehouse.yaml',
  UPSTREAM_MCP_URL: undefined,
  OIDC_ISSUER_URL: undefined,
  OIDC_CLIENT_ID: undefined,
  OIDC_CLIENT_SECRET: undefined,
};

export type Changes = Readonly<Record<string, string | undefined>>;

/** The configuration of the sound environment with some variables changed; `files` by path. */
export function load(changes: Changes = {}, files: Readonly<Record<string, string>> = {}): GatehouseConfig {
  return loadConfig({ ...soundEnvironment, ...changes }, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error('no such file');
    return text;
  });
}

/** The problems of that configuration; none when it loads. */
export function problemsOf(
  changes: Changes,
  files: Readonly<Record<string, string>> = {},
): readonly ConfigProblem[] {
  try {
    load(changes, files);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The problems as `VARIABLE problem`. */
export function complaintsOf(changes: Changes, files: Readonly<Record<string, string>> = {}): string[] {
  return problemsOf(changes, files).map(({ variable, problem }) => `${variable} ${problem}`);
}

export function warningsOf(changes: Changes): readonly string[] {
  return load(changes).warnings.map((warning: ConfigWarning) => warning.event);
}
