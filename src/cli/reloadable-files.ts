import type { GatehouseConfig } from '../gateway/config/config.ts';

/** Whether there is anything that SIGHUP could have read again; without, it ends the process, as it always has. */
export function hasFilesToReload(config: GatehouseConfig): boolean {
  const { file, sealing, certificate, mounts, identityProviders } = config;
  const ofMounts = mounts.flatMap(({ upstream: { tls } }) => [tls.caFile, tls.certificate]);
  const ofProviders = identityProviders.map(({ clientCertificate }) => clientCertificate);
  const named = [file, certificate, ...ofMounts, ...ofProviders];
  return sealing.kind === 'key-file' || named.some((each) => each !== undefined);
}
