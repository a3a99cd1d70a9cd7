import { expandScope, uniteScope } from '../../protocol/scope.ts';
import { formatBearerChallenge, formatDpopChallenge } from '../../protocol/www-authenticate.ts';
import { proofAlgorithms } from '../../services/dpop/proof-key.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Refusal } from './refusal.ts';

/** Whether a grant goes far enough for a call. */
export interface ScopeCheck {
  /** For any call at all. Undefined: it does. */
  judge(grant: GrantTerms): Refusal | undefined;
  /** For a call that needs these as well. */
  judgeNeeds(grant: GrantTerms, needed: readonly string[]): Refusal | undefined;
}

/**
 * Holds grants against the scopes of a resource, wider ones standing for all that they include. A refusal names every
 * scope that the call needs, and those that the client has: asking for exactly these is enough, and loses nothing.
 * Where the client could not be granted them, it is not told to ask: its person would log in again and again.
 * @param findObtainable what the client of a grant may be granted at most. Default: every scope
 * @see MCP 2026-07-28 "Runtime Insufficient Scope Errors", RFC 6750 §3.1
 */
export function createScopeCheck(
  resource: Pick<ProtectedResource, 'metadataUrl' | 'scopes'>,
  findObtainable: (grant: GrantTerms) => ReadonlySet<string> | undefined = () => undefined,
): ScopeCheck {
  const { scopes, metadataUrl } = resource;
  const { required } = scopes;
  // A grant is the same object as long as its token is remembered.
  const wideEnough = new WeakSet<GrantTerms>();

  function judgeNeeds(grant: GrantTerms, needed: readonly string[]): Refusal | undefined {
    const { scope, keyThumbprint } = grant;
    const all = [...required, ...needed];
    const permitted = expandScope(scope, scopes);
    if (all.every((name) => permitted.has(name))) return undefined;
    const obtainable = findObtainable(grant);
    if (obtainable !== undefined && !all.every((name) => permitted.has(name) || obtainable.has(name))) {
      return outOfReach;
    }
    return refuse(uniteScope(scope, all, scopes).join(' '), metadataUrl, keyThumbprint !== undefined);
  }

  return {
    judge(grant) {
      if (required.length === 0 || wideEnough.has(grant)) return undefined;
      const refusal = judgeNeeds(grant, []);
      if (refusal === undefined) wideEnough.add(grant);
      return refusal;
    },
    judgeNeeds,
  };
}

const outOfReach: Refusal = {
  status: 403,
  code: 'access_denied',
  description: 'This call needs more than the client may be allowed',
  reason: 'client_scope_refused',
};

const description = 'This call needs more than the person has allowed so far';

function refuse(scope: string, resourceMetadata: string, isBound: boolean): Refusal {
  const needed = {
    error: 'insufficient_scope',
    errorDescription: description,
    scope,
    resourceMetadata,
  } as const;
  // In the scheme that the call came with.
  const challenge = isBound ? formatDpopChallenge(needed, proofAlgorithms) : formatBearerChallenge(needed);
  return {
    status: 403,
    code: 'insufficient_scope',
    description,
    reason: 'scope_insufficient',
    headers: ['WWW-Authenticate', challenge],
  };
}
