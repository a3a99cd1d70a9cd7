import { createAccountEndpoint } from '../authorization-server/account/account-endpoint.ts';
import {
  type AccountSessions,
  createAccountSessions,
} from '../authorization-server/account/account-session.ts';
import { createOwnGrants, type OwnGrantsDeps } from '../authorization-server/account/own-grants.ts';
import {
  type BeginAccountLoginDeps,
  createBeginAccountLogin,
} from '../authorization-server/authorization/begin-account-login.ts';
import type { Handler } from '../platform/http/handler.ts';
import type { Store } from '../platform/store/store.ts';
import type { IdentityProviders } from '../services/identity/identity-providers.ts';
import type { Resources } from '../services/resources/resources.ts';
import { createGrantDirectory } from '../services/tokens/grant-directory.ts';
import { createPersonGrants, type PersonGrants } from '../services/tokens/person-grants.ts';
import type { Revocations } from '../services/tokens/revocations.ts';

export interface AccountPageDeps
  extends BeginAccountLoginDeps, Pick<OwnGrantsDeps, 'grants' | 'revokeBefore' | 'clock' | 'emit'> {
  readonly identityProviders: IdentityProviders;
  readonly resources: Pick<Resources, 'find'>;
  readonly revocations: Revocations;
  readonly store: Store;
  readonly grantLifetimeSeconds: number;
}

/** What the page needs elsewhere: the token endpoint lists grants, and the callback begins sessions. */
export interface AccountPage {
  readonly personGrants: PersonGrants;
  readonly sessions: AccountSessions;
  /** Where people find it. */
  readonly url: string;
  readonly endpoint: Handler;
}

/** The page where people see and end what they allowed. Off: undefined, and nothing is listed anywhere. */
export function openAccountPage(isOn: boolean, deps: AccountPageDeps): AccountPage | undefined {
  if (!isOn) return undefined;
  const personGrants = createPersonGrants(deps);
  const sessions = createAccountSessions(deps);
  const endpoint = createAccountEndpoint({
    ...deps,
    sessions,
    ownGrants: createOwnGrants({ ...deps, personGrants, directory: createGrantDirectory(deps) }),
    beginLogin: createBeginAccountLogin(deps),
  });
  return { personGrants, sessions, url: new URL(sessions.path, deps.issuer).href, endpoint };
}
