import { standardHeaders } from '../../resource-server/proxy/header-policy.ts';
import { noScopes } from '../../services/resources/resource.ts';
import type { MountConfig } from './config.ts';
import type { SettingValues } from './schema.ts';
import { pairOf } from './tls-posture.ts';
import type { UpstreamUrl } from './url-values.ts';

/** Of the mount that no file describes. */
export const nameOfOnlyMount = 'default';

/** The one mount that the environment describes: at the issuer, under the path that it has upstream. */
export function assembleMount(values: SettingValues, { origin, path }: UpstreamUrl): MountConfig {
  return {
    name: nameOfOnlyMount,
    publicOrigin: values.PROXY_BASE_URL.origin,
    path,
    isDefault: true,
    title: values.MCP_RESOURCE_NAME,
    upstream: {
      origin,
      path,
      authorization: values.UPSTREAM_AUTHORIZATION_HEADER,
      connectTimeoutSeconds: values.UPSTREAM_CONNECT_TIMEOUT,
      headerTimeoutSeconds: values.UPSTREAM_HEADER_TIMEOUT,
      idleTimeoutSeconds: values.UPSTREAM_IDLE_TIMEOUT,
      tls: {
        caFile: values.UPSTREAM_CA_FILE,
        certificate: pairOf(values.UPSTREAM_CLIENT_CERT_FILE, values.UPSTREAM_CLIENT_KEY_FILE),
      },
      maxBodyBytes: values.MAX_BODY_BYTES,
    },
    headers: standardHeaders,
    allowedOrigins: values.ALLOWED_ORIGINS,
    scopes: noScopes,
    dpop: values.DPOP,
  };
}
