import { createHash, X509Certificate } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify, type ProtectedHeaderParameters } from 'jose';

import type { Clock } from '../../../src/platform/clock.ts';
import type { TestOpenIdProvider } from '../openid-provider.ts';

const tenant = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';

/**
 * Makes a provider behave as one tenant of Microsoft Entra does.
 *
 * Facts written down from memory of the documents named, not recorded from the provider; check one before you build on it.
 * From learn.microsoft.com/entra:
 * - "OpenID Connect on the Microsoft identity platform": the issuer has the tenant's id and /v2.0 at its end, the other
 *   endpoints are beside it; the answer names no `iss`
 * - "ID token claims reference": there is no `email_verified`; groups are object ids; `sub` is different for every app
 * - a refresh token comes for the scope `offline_access`; refreshing gives a new one, and the old one lives on
 * - "Microsoft Entra authentication error codes": AADSTS50057, the account is disabled, and AADSTS50173, the grant was
 *   revoked, come as 400 `invalid_grant`; AADSTS7000215, a wrong secret, as 401 `invalid_client`; AADSTS901002, the
 *   parameter `resource` is not supported
 */
export function becomeEntra(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'kept';
  remote.person = {
    sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
    oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
    tid: tenant,
    ver: '2.0',
    email: 'alice@example.com',
    name: 'Alice Example',
    preferred_username: 'alice@example.com',
    groups: ['b6a3c0f5-0e0a-4a0b-8f0a-6d1f0a7d9f10'],
  };
  const beside = `//${tenant}`;
  remote.shape = {
    issuerPath: `/${tenant}/v2.0`,
    paths: {
      authorize: `${beside}/oauth2/v2.0/authorize`,
      token: `${beside}/oauth2/v2.0/token`,
      jwks: `${beside}/discovery/v2.0/keys`,
    },
    metadata: { authorization_response_iss_parameter_supported: undefined },
    refusesClient: { status: 401, error: 'invalid_client' },
    givesRefreshToken: (request) => (request.get('scope') ?? '').split(' ').includes('offline_access'),
    refusesRequest: (request) => (request.has('resource') ? 'invalid_request' : undefined),
  };
  remote.misbehaviour = { issParameter: null };
}

/**
 * The app has a certificate, and no secret.
 *
 * From learn.microsoft.com/entra, "Application authentication certificate credentials": the header has `PS256` and the
 * SHA-256 thumbprint in `x5t#S256`, by which the key is found; `aud` is the token endpoint; `iss` and `sub` the client id.
 * Returns the headers of the assertions that came.
 */
export function registerCertificate(
  remote: TestOpenIdProvider,
  pem: string,
  clock: Clock,
): ProtectedHeaderParameters[] {
  const certificate = new X509Certificate(pem);
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
  const headers: ProtectedHeaderParameters[] = [];
  const takesAssertion = async (assertion: string): Promise<boolean> => {
    const header: Readonly<Record<string, unknown>> = { ...decodeProtectedHeader(assertion) };
    headers.push(header);
    if (header['x5t#S256'] !== thumbprint || header['alg'] !== 'PS256') return false;
    const result = await jwtVerify(assertion, certificate.publicKey, {
      audience: `${remote.origin}/${tenant}/oauth2/v2.0/token`,
      issuer: remote.clientId,
      subject: remote.clientId,
      currentDate: new Date(clock.nowMilliseconds()),
    }).catch(() => undefined);
    return result !== undefined;
  };
  remote.shape = { ...remote.shape, takesAssertion };
  return headers;
}
