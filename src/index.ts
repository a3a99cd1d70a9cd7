/** The public names. Everything else may change with any release. */
export { ConfigError, loadConfig, type ConfigProblem } from './gateway/config/load-config.ts';
export type { ConfigWarning, GatehouseConfig } from './gateway/config/config.ts';
export { createGateway, type Gateway, type GatewayDeps, type Listening } from './gateway/gateway.ts';
export { createLogger, type Logger } from './platform/telemetry/logger.ts';
export type { Clock } from './platform/clock.ts';
export type { Random } from './platform/random.ts';
export type { Store } from './platform/store/store.ts';
export type { GatehouseEvent } from './services/audit/events.ts';
export type { IdentityProvider } from './services/identity/identity-provider.ts';
