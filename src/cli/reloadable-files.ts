import type { GatehouseConfig } from '../gateway/config/config.ts';

/** Whether there is anything that SIGHUP could have read again; without, it ends the process, as it always has. */
export function hasFilesToReload({ sealing, certificate, upstream }: GatehouseConfig): boolean {
  const { caFile, certificate: shown } = upstream.tls;
  return sealing.kind === 'key-file' || [certificate, caFile, shown].some((file) => file !== undefined);
}
