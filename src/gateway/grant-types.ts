import { authorizationCodeGrant } from '../authorization-server/token/authorization-code-grant.ts';
import { clientCredentialsGrant } from '../authorization-server/token/client-credentials-grant.ts';
import { refreshTokenGrant } from '../authorization-server/token/refresh-token-grant.ts';
import type { NamedGrantType } from '../authorization-server/token/token-endpoint.ts';

/** For clients that act for themselves: there as long as the operator has registered one. */
export const clientCredentials: NamedGrantType = {
  name: 'client_credentials',
  exchange: clientCredentialsGrant,
};

/** The grant types that every deployment has. */
export const standardGrantTypes: readonly NamedGrantType[] = [
  { name: 'authorization_code', exchange: authorizationCodeGrant },
  { name: 'refresh_token', exchange: refreshTokenGrant },
];
