import type { GatehouseConfig } from '../gateway/config/config.ts';

/** Whether there is anything that SIGHUP could have read again; without, it ends the process, as it always has. */
export function hasFilesToReload({ file, sealing, certificate, mounts }: GatehouseConfig): boolean {
  const ofMounts = mounts.flatMap(({ upstream: { tls } }) => [tls.caFile, tls.certificate]);
  return sealing.kind === 'key-file' || [file, certificate, ...ofMounts].some((each) => each !== undefined);
}
