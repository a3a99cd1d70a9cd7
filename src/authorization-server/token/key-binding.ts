import { OAuthError } from '../../protocol/oauth-error.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { TokenDeps, TokenRequest } from './grant-type.ts';
import { refuseProof } from './key-proof.ts';

/** What the tokens of one answer are bound to. Undefined: nothing. */
export interface KeyBinding {
  readonly accessKey: string | undefined;
  readonly refreshKey: string | undefined;
}

/**
 * Binds tokens to the key that the client proves. What was presented may be bound already, a code by the authorization
 * request and a refresh token by the answer it came in: then it is good with that very key alone, whatever the settings
 * say by now. The refresh token of a client with a credential is bound to that credential, and may go to another key.
 * @throws OAuthError `invalid_dpop_proof` (`dpop_proof_missing`, and what the proof is refused for), `invalid_grant`
 * (`dpop_key_mismatch`); rejects with `StoreError`   @see RFC 9449 §5 and §10
 */
export async function bindTokens(
  request: TokenRequest,
  presented: GrantTerms,
  { resources }: Pick<TokenDeps, 'resources'>,
): Promise<KeyBinding & { readonly ofAccess: GrantTerms; readonly ofRefresh: GrantTerms }> {
  const mode = resources.find(presented.resource)?.dpop ?? 'off';
  const key = await findKey(request, presented, mode !== 'off');
  if (key === undefined && mode === 'required') throw missing();
  const accessKey = mode === 'off' ? undefined : key;
  const refreshKey = request.client.authentication.method === 'none' ? key : undefined;
  return {
    accessKey,
    refreshKey,
    ofAccess: bindTo(accessKey, presented),
    ofRefresh: bindTo(refreshKey, presented),
  };
}

/** The same terms, bound to this key and no other. */
export function bindTo(key: string | undefined, terms: GrantTerms): GrantTerms {
  return terms.keyThumbprint === key ? terms : { ...terms, keyThumbprint: key };
}

async function findKey(
  { proveKey }: TokenRequest,
  { keyThumbprint: bound }: GrantTerms,
  isOffered: boolean,
): Promise<string | undefined> {
  // Off, a proof is a header like any other that nobody knows.
  if (!isOffered && bound === undefined) return undefined;
  const key = await proveKey?.();
  if (bound === undefined || bound === key) return key;
  if (key === undefined) throw missing();
  throw new OAuthError('invalid_grant', 'What was presented is bound to another key', {
    reason: 'dpop_key_mismatch',
  });
}

function missing(): OAuthError {
  return refuseProof('dpop_proof_missing', 'A DPoP proof is required');
}
