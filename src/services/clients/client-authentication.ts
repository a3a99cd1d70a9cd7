import { createHash, timingSafeEqual } from 'node:crypto';

import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import { type ClientAssertionDeps, findAssertedClient, judgeAssertion } from './client-assertion.ts';
import { type PresentedCredentials, readCredentials } from './client-credentials.ts';
import type { Client, FindClient } from './client.ts';

/**
 * The client of a request, proven in the one way in which it is registered.
 *
 * Whatever is wrong with the credentials, the client being unknown included, is one answer: a stranger learns neither
 * which clients there are nor how far a guess got. Only requests without credentials hear what became of a client, as
 * that is what makes it register again. How often one may try is the endpoint's limit per address.
 * @param realm of the challenge that answers an `Authorization` header
 * @throws OAuthError `invalid_request`, reasons `client_id_missing`, `client_authentication_ambiguous` and
 * `parameter_malformed`; `invalid_client` (401), reasons `client_authentication_unsupported`,
 * `client_authentication_failed`, `client_assertion_…`, `client_keys_invalid` and those of `FindClient`;
 * `temporarily_unavailable`, reasons `client_keys_unavailable`, `client_document_throttled` and
 * `client_assertion_forgotten`; StoreError
 * @see OAuth 2.1 §2.4 and §3.2.4
 */
export type AuthenticateClient = (
  request: Pick<Request, 'headers'>,
  parameters: Pick<RequestParameters, 'find'>,
  realm: string,
) => Promise<Client>;

export interface ClientAuthenticationDeps {
  readonly findClient: FindClient;
  /** Absent: there are no clients with keys. */
  readonly assertions?: ClientAssertionDeps;
}

export function createClientAuthentication(deps: ClientAuthenticationDeps): AuthenticateClient {
  return async (request, parameters, realm) => {
    const authorization = request.headers.get('authorization');
    const presented = readCredentials(authorization, parameters);
    try {
      return await authenticate(presented, deps);
    } catch (error) {
      // RFC 6749 §5.2: a client that used the header is answered with a challenge of the scheme it may use.
      throw authorization === null ? error : addChallenge(error, realm);
    }
  };
}

async function authenticate(
  presented: PresentedCredentials,
  deps: ClientAuthenticationDeps,
): Promise<Client> {
  switch (presented.method) {
    case 'unreadable':
      throw refuseClient('client_authentication_unsupported');
    case 'none': {
      const client = await deps.findClient(presented.clientId);
      if (client.authentication.method !== 'none') throw refuseClient('client_authentication_unsupported');
      return client;
    }
    case 'client_secret_basic':
    case 'client_secret_post': {
      // Before the client is looked up: how long it takes is the same for those there are not.
      const hashes = presented.secrets.map((secret) => createHash('sha256').update(secret).digest());
      const client = await findConcealed(presented.clientId, deps);
      checkSecret(client, presented.method, hashes);
      return client;
    }
    case 'private_key_jwt': {
      // RFC 7521 §4.2: client_id is not needed, as the assertion says it.
      const clientId = presented.clientId ?? findAssertedClient(presented.assertion);
      if (clientId === undefined) throw refuseClient('client_assertion_invalid');
      const client = await findConcealed(clientId, deps);
      await checkAssertion(client, presented.assertion, deps);
      return client;
    }
  }
}

async function checkAssertion(
  client: Client,
  assertion: string,
  { assertions }: ClientAuthenticationDeps,
): Promise<void> {
  const { authentication } = client;
  if (authentication.method !== 'private_key_jwt' || assertions === undefined) {
    throw refuseClient('client_authentication_unsupported');
  }
  const verdict = await conceal(() => judgeAssertion(assertion, client, authentication, assertions));
  if (verdict.outcome === 'refused') throw refuseClient(verdict.reason);
}

function checkSecret(
  { authentication }: Client,
  presented: 'client_secret_basic' | 'client_secret_post',
  hashes: readonly Buffer[],
): void {
  // OAuth 2.1 §3.2.2: unrecognised parameters are ignored, and a secret in the body of who has none is one.
  if (authentication.method === 'none' && presented === 'client_secret_post') return;
  if (authentication.method !== presented) throw refuseClient('client_authentication_unsupported');
  let isRight = false;
  for (const known of authentication.secretHashes) {
    // Every one of them, each in constant time.
    for (const hash of hashes) isRight = timingSafeEqual(hash, known) || isRight;
  }
  if (!isRight) throw refuseClient('client_authentication_failed');
}

function findConcealed(clientId: string | undefined, deps: ClientAuthenticationDeps): Promise<Client> {
  return conceal(() => deps.findClient(clientId));
}

async function conceal<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OAuthError) || error.code !== 'invalid_client') throw error;
    throw refuseClient(error.reason, error);
  }
}

function refuseClient(reason: RefusalReason, cause?: unknown): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Client authentication failed: the client, its credential or the way it is presented is not the registered one',
    { reason, cause },
  );
}

function addChallenge(error: unknown, realm: string): unknown {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_client') return error;
  return new OAuthError(error.code, error.description, {
    reason: error.reason,
    headers: { 'www-authenticate': `Basic realm="${realm}"` },
    cause: error.cause,
  });
}
