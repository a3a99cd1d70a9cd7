/**
 * A gatehouse in a process of its own, so that a test can kill it: a SQLite file, the real clock, real sockets, and
 * an identity provider that logs everybody in. Arguments: the database file, the upstream's URL. Writes its port as
 * one line when it serves.
 */
import { loadConfig } from '../../src/gateway/config/load-config.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/platform/telemetry/logger.ts';
import { FakeIdentityProvider } from './fake-identity-provider.ts';

const [databasePath = '', upstream = 'http://127.0.0.1:9/mcp'] = process.argv.slice(2);
const config = loadConfig(
  {
    PROD_MODE: 'false',
    OIDC_ISSUER_URL: 'https://login.test',
    OIDC_CLIENT_ID: 'gatehouse',
    OIDC_CLIENT_SECRET: 'provider-client-secret',
    PROXY_BASE_URL: 'https://gatehouse.test',
    UPSTREAM_MCP_URL: upstream,
    TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
    LISTEN_ADDR: '127.0.0.1:0',
    METRICS_ADDR: '127.0.0.1:0',
    STORE_PATH: databasePath,
    STORE_SYNCHRONOUS: process.env['STORE_SYNCHRONOUS'],
    REFRESH_RACE_GRACE_SEC: '600',
    RATE_LIMIT_ENABLED: 'false',
  },
  () => {
    throw new Error('no files in this test');
  },
);
const gateway = createGateway(config, {
  log: createLogger({ level: 'fatal', destination: { write: () => {} } }),
  identityProvider: new FakeIdentityProvider(),
});
const { publicPort } = await gateway.listen();
process.stdout.write(`${publicPort}\n`);
