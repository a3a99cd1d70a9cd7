import type { Random } from '../../../platform/random.ts';
import { computeCodeChallenge } from '../../../protocol/pkce.ts';
import type { IdTokenSigner, IdTokenSubject } from './id-token.ts';
import { idTokenTtlSeconds } from './id-token.ts';
import type { Once } from './once.ts';
import { isRegisteredClient } from './registered-client.ts';
import type { RegisteredClient } from './registered-client.ts';

/** What an authorization code stands for. */
export interface CodeTerms {
  readonly subject: IdTokenSubject;
  readonly redirectUri: string;
  readonly codeChallenge: string;
}

const maxFormCharacters = 16_384;

/**
 * Exchanges an authorization code for an ID token. The access token beside it opens nothing.
 * @see OpenID Connect Core §3.1.3
 */
export function createTokenEndpoint(deps: {
  readonly client: RegisteredClient;
  readonly codes: Once<CodeTerms>;
  readonly signer: IdTokenSigner;
  readonly random: Random;
}): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = await request.text();
    if (body.length > maxFormCharacters) return refuse(413, 'invalid_request');
    const form = new URLSearchParams(body);
    if (new Set(form.keys()).size !== form.size) return refuse(400, 'invalid_request');
    if (!isRegisteredClient(deps.client, request.headers.get('authorization'), form)) {
      return refuse(401, 'invalid_client', { 'www-authenticate': 'Basic realm="development login"' });
    }
    if (form.get('grant_type') !== 'authorization_code') return refuse(400, 'unsupported_grant_type');
    const terms = redeem(deps.codes, form);
    if (terms === undefined) return refuse(400, 'invalid_grant');
    return json(200, {
      access_token: deps.random.token(32),
      token_type: 'Bearer',
      expires_in: idTokenTtlSeconds,
      scope: terms.subject.scope.join(' '),
      id_token: await deps.signer.sign(terms.subject),
    });
  };
}

/** The code is taken before anything is compared: a wrong verifier must not leave it for a second guess. */
function redeem(codes: Once<CodeTerms>, form: URLSearchParams): CodeTerms | undefined {
  const terms = codes.take(form.get('code') ?? '');
  if (terms === undefined || form.get('redirect_uri') !== terms.redirectUri) return undefined;
  const challenge = computeCodeChallenge(form.get('code_verifier') ?? '');
  return challenge === terms.codeChallenge ? terms : undefined;
}

function refuse(status: number, error: string, headers?: Record<string, string>): Response {
  return json(status, { error }, headers);
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { 'cache-control': 'no-store', pragma: 'no-cache', ...headers },
  });
}
