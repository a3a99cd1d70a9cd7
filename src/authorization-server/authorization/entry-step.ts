import { OAuthError, type PersonNotice } from '../../protocol/oauth-error.ts';
import type { Login } from '../../services/identity/identity-provider.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import type { RequestedTerms } from './transaction.ts';

/** Why somebody who has logged in may not enter, in words that tell a client nothing of the rules. */
export function judgeEntry(
  { entry }: Pick<AuthorizationDeps, 'entry'>,
  { resource }: RequestedTerms,
  { identity, authentication }: Login,
): OAuthError | undefined {
  const { issuer: identityIssuer, subject, email, groups } = identity;
  const reason = entry.judge({ identityIssuer, subject, email, groups, ...authentication, resource });
  if (reason === undefined) return undefined;
  return new OAuthError('access_denied', 'This account may not use this service', { reason });
}

/** What they are told. */
export function describePerson(
  { entry, resources }: Pick<AuthorizationDeps, 'entry' | 'resources'>,
  { resource }: RequestedTerms,
  { identity }: Pick<Login, 'identity'>,
  { reason }: OAuthError,
): PersonNotice {
  return {
    account: identity.email ?? identity.name ?? identity.subject,
    service: resources.find(resource)?.title ?? resource,
    isAboutLogin: reason === 'entry_acr' || reason === 'entry_amr' || reason === 'entry_age',
    ...(reason === 'groups_too_many' ? { isAboutGroups: true } : {}),
    contact: entry.contactOf(resource),
  };
}
