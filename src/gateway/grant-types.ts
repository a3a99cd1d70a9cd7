import { authorizationCodeGrant } from '../authorization-server/token/authorization-code-grant.ts';
import { refreshTokenGrant } from '../authorization-server/token/refresh-token-grant.ts';
import type { NamedGrantType } from '../authorization-server/token/token-endpoint.ts';

/** The grant types that every deployment has. */
export const standardGrantTypes: readonly NamedGrantType[] = [
  { name: 'authorization_code', exchange: authorizationCodeGrant },
  { name: 'refresh_token', exchange: refreshTokenGrant },
];
