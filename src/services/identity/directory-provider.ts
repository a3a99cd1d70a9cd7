import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Emit } from '../audit/events.ts';
import { checkAllowedGroups, isAllowedGroup } from './claims.ts';
import type { Identity, IdentityProvider, Lookup, Recheck } from './identity-provider.ts';
import type { PersonDirectory } from './person-directory.ts';
import { ProviderFailure } from './provider-failure.ts';
import { RefusedPerson } from './refused-person.ts';

export interface DirectoryProviderDeps {
  /** Vouches for people by itself, and is given no allowed groups: those are judged by what the directory says. */
  readonly provider: IdentityProvider;
  readonly directory: PersonDirectory;
  /** Empty: every person whom the provider lets in and the directory knows. */
  readonly allowedGroups: readonly string[];
  readonly emit: Emit;
}

const loginMilliseconds = 8_000;
/** With the provider's own five seconds less than a grant is leased for while its refresh asks. */
const recheckMilliseconds = 4_000;

/**
 * An identity provider with a directory beside it, which is asked at every login and recheck, after the provider has vouched
 * for the person. Whom it knows no more is gone, and its groups take the place of the provider's. No answer is never no
 * groups: a rule that keeps members of one out would let them in.
 */
export function createDirectoryProvider(deps: DirectoryProviderDeps): IdentityProvider {
  const { provider, directory, allowedGroups, emit } = deps;

  /** @returns undefined: gone  @throws ProviderFailure */
  async function look(identity: Identity, milliseconds: number): Promise<Identity | undefined> {
    const { subject } = identity;
    try {
      const entry = await directory.find(subject, AbortSignal.timeout(milliseconds));
      emit({ type: 'directory_asked', outcome: entry.outcome, subject }, undefined);
      if (entry.outcome === 'gone') return undefined;
      return { ...identity, groups: entry.groups ?? identity.groups };
    } catch (error) {
      const failure = error instanceof ProviderFailure ? error.code : 'unexpected';
      emit({ type: 'directory_asked', outcome: 'unanswered', subject, failure }, undefined);
      throw error;
    }
  }

  async function lookAgain(known: Identity): Promise<Lookup> {
    try {
      const identity = await look(known, recheckMilliseconds);
      if (identity === undefined) return { outcome: 'gone', reason: 'identity_gone' };
      if (!isAllowedGroup(identity.groups, allowedGroups)) return { outcome: 'gone', reason: 'group' };
      return { outcome: 'present', identity };
    } catch {
      return { outcome: 'unanswered' };
    }
  }

  return {
    ...provider,
    admits: (groups) => isAllowedGroup(groups, allowedGroups),

    close() {
      provider.close();
      directory.close();
    },

    async finishLogin(answer) {
      const login = await provider.finishLogin(answer);
      // Nobody enters by it: it is for seeing and ending what was allowed.
      if (answer.purpose === 'account') return login;
      const identity = await look(login.identity, loginMilliseconds).catch(refuseUnanswered);
      if (identity === undefined) {
        const description = 'This account is suspended or no longer exists';
        throw new RefusedPerson(login.identity, description, 'account_inactive');
      }
      checkAllowedGroups(identity.groups, allowedGroups);
      return { ...login, identity };
    },

    async recheck(request): Promise<Recheck> {
      const answer = await provider.recheck(request);
      if (answer.outcome !== 'present') return answer;
      const found = await lookAgain(answer.identity);
      return found.outcome === 'present' ? { ...answer, identity: found.identity } : found;
    },

    async lookUp(known) {
      // Another provider has taken its place: the ids of its accounts are nobody's here.
      if (known.issuer !== provider.issuer) return { outcome: 'gone', reason: 'identity_gone' };
      return lookAgain(known);
    },
  };
}

function refuseUnanswered(cause: unknown): never {
  throw new OAuthError('server_error', 'The directory could not be asked about this account', {
    reason: 'directory_unanswered',
    status: 502,
    cause,
  });
}
