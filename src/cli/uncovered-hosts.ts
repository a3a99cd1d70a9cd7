import type { ConfigWarning, GatehouseConfig, MountConfig } from '../gateway/config/config.ts';
import { memberOrigin } from '../gateway/wildcard-hosts.ts';

/** In place of the label of a host that may be any. */
const anyLabel = 'any-label';

/**
 * Hosts of mounts that the certificate of the listener is not for, where it is for the issuer. One that is not for that
 * either is for a proxy in front, and what clients see is that one's to say.
 * @param isNamed whether the certificate is for a host name
 */
export function findUncoveredHosts(
  { mounts, publicUrl }: Pick<GatehouseConfig, 'mounts' | 'publicUrl'>,
  isNamed: (hostname: string) => boolean,
): ConfigWarning[] {
  if (!isNamed(new URL(publicUrl).hostname)) return [];
  return mounts.flatMap((mount) => {
    const host = listHosts(mount).find((each) => !isNamed(each));
    if (host === undefined) return [];
    const shown = host.replace(`${anyLabel}.`, '*.');
    const message = `the certificate of TLS_CERT_FILE is not for ${shown}, where mount ${mount.name} is: clients will not go there`;
    return [{ event: 'certificate_host_missing', message }];
  });
}

function listHosts({ publicOrigin, labels }: MountConfig): readonly string[] {
  const origins =
    labels === undefined
      ? [publicOrigin]
      : (labels === 'any' ? [anyLabel] : labels).map((label) => memberOrigin(publicOrigin, label));
  return origins.map((origin) => new URL(origin).hostname);
}
