import type { EntryRefusal } from '../../services/entry/entry-rules.ts';
import type {
  GoneReason,
  Identity,
  IdentityProvider,
  Lookup,
  Recheck,
} from '../../services/identity/identity-provider.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { IdentityProof, RefreshToken } from '../../services/tokens/refresh-token.ts';
import type { TokenDeps } from './grant-type.ts';

type ConfirmationDeps = Pick<TokenDeps, 'clock' | 'identity'>;

/** Whether the person behind a refresh token may go on, and as whom. */
export type Confirmation =
  | {
      readonly outcome: 'confirmed';
      /** With the person's address, name and groups as of now. */
      readonly terms: GrantTerms;
      /** For the next time. */
      readonly identity: IdentityProof | undefined;
      /** What the provider did about it. `unasked`: by setting, or for want of its refresh token. */
      readonly source: 'present' | 'unanswered' | 'impossible' | 'unasked';
    }
  | { readonly outcome: 'gone'; readonly reason: GoneReason | EntryRefusal }
  /** The provider has not answered for longer than may be overlooked. */
  | { readonly outcome: 'unanswered' }
  /** It cannot be asked, and the settings insist. */
  | { readonly outcome: 'impossible' };

/** Whether this refresh asks the provider, or what stands beside it. */
export function asksProvider(token: RefreshToken, { identity }: ConfirmationDeps): boolean {
  const provider = identity.findProvider(token.terms);
  if (provider === undefined || identity.mode === 'off') return false;
  if (token.identity?.refreshToken !== undefined) return true;
  // The provider's own word is what is required.
  return identity.mode === 'auto' && provider.lookUp !== undefined;
}

/** Without asking: the settings may have changed since the login, or demand an answer that nobody can get. */
export function confirmUnasked(token: RefreshToken, { identity }: ConfirmationDeps): Confirmation {
  const { terms } = token;
  // Who vouched for the person must still be who lets people in. A former provider is asked nothing and sends no logouts:
  // whoever has left there would stay in here for as long as the grant lives, whatever the settings about asking.
  const provider = identity.findProvider(terms);
  if (provider === undefined) return { outcome: 'gone', reason: 'identity_gone' };
  if (identity.mode === 'off') return { ...confirmed(token), source: 'unasked' };
  if (!provider.admits(terms.groups)) return { outcome: 'gone', reason: 'group' };
  if (identity.mode === 'required') return { outcome: 'impossible' };
  return { ...confirmed(token), source: 'impossible' };
}

/** Asks the provider. No answer stops nobody as long as its last one is recent enough. */
export async function confirmIdentity(
  token: RefreshToken,
  { clock, identity: rules }: ConfirmationDeps,
): Promise<Confirmation> {
  const { terms } = token;
  const provider = rules.findProvider(terms);
  if (provider === undefined) return { outcome: 'gone', reason: 'identity_gone' };
  const answer = await ask(provider, token);
  switch (answer.outcome) {
    case 'present': {
      const { email, name, groups } = answer.identity;
      return {
        outcome: 'confirmed',
        terms: { ...terms, email, name, groups },
        identity: {
          refreshToken: 'refreshToken' in answer ? answer.refreshToken : undefined,
          checkedAt: clock.nowSeconds(),
        },
        source: 'present',
      };
    }
    case 'gone':
      return answer;
    case 'unanswered': {
      const checkedAt = token.identity?.checkedAt ?? terms.grantedAt;
      const isRecent = clock.nowSeconds() - checkedAt < rules.graceSeconds;
      if (!isRecent) return { outcome: 'unanswered' };
      // Our own settings need no answer.
      if (!provider.admits(terms.groups)) return { outcome: 'gone', reason: 'group' };
      return { ...confirmed(token), source: 'unanswered' };
    }
  }
}

/**
 * Without a refresh token of the provider by who the person is. Whoever is in many groups, some of their own founding, has
 * none: it does not fit beside them.
 */
async function ask(
  provider: Pick<IdentityProvider, 'recheck' | 'lookUp'>,
  { terms, identity }: RefreshToken,
): Promise<Recheck | Lookup> {
  const known = identityOf(terms);
  const refreshToken = identity?.refreshToken;
  if (refreshToken !== undefined) return provider.recheck({ refreshToken, known });
  return (await provider.lookUp?.(known)) ?? { outcome: 'unanswered' };
}

/** Whom the provider vouches for may still be somebody whom the rules of the deployment do not let in now. */
export function confirmEntry(confirmation: Confirmation, { identity }: ConfirmationDeps): Confirmation {
  if (confirmation.outcome !== 'confirmed') return confirmation;
  const reason = identity.entry.judge(confirmation.terms);
  return reason === undefined ? confirmation : { outcome: 'gone', reason };
}

function confirmed({ terms, identity }: RefreshToken) {
  return { outcome: 'confirmed', terms, identity } as const;
}

function identityOf({ identityIssuer, subject, email, name, groups }: GrantTerms): Identity {
  return { issuer: identityIssuer, subject, email, name, groups };
}
