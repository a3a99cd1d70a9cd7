import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import type { Store } from '../../platform/store/store.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { ClientFingerprint, FindClient } from '../../services/clients/client.ts';
import type { EntryGate } from '../../services/entry/entry-gate.ts';
import type { IdentityRecheckMode } from '../../services/identity/identity-provider.ts';
import type { IdentityProviders } from '../../services/identity/identity-providers.ts';
import type { AccountSessions } from '../account/account-session.ts';
import type { Resources } from '../../services/resources/resources.ts';
import type { Grants } from '../../services/tokens/grants.ts';

/** What the three endpoints of this room are handed. */
export interface AuthorizationDeps {
  /** Scheme, host and port; no trailing slash. */
  readonly issuer: string;
  readonly resources: Pick<Resources, 'find' | 'resolve'>;
  /**
   * Default true. False sends every authorization request straight to the identity provider: any registered client
   * then gets a code from whoever is logged in there. For closed sets of clients only. Where several may be logged in at,
   * people still choose.
   */
  readonly renderConsentPage: boolean;
  readonly findClient: FindClient;
  /** Whether a client may not be used any more, although it was found when the flow began. */
  readonly isClientDenied: (client: ClientFingerprint) => boolean;
  /** Who may enter what. */
  readonly entry: Pick<EntryGate, 'judge' | 'demandsOf' | 'contactOf'>;
  readonly identityProviders: Pick<IdentityProviders, 'all' | 'forResource'>;
  readonly sealer: Sealer;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly grants: Pick<Grants, 'open'>;
  readonly grantLifetimeSeconds: number;
  /** Whether the provider's refresh token is kept, for refreshes to ask with; and whether there has to be one. */
  readonly identityRecheck: IdentityRecheckMode;
  /** What logins of the account page become. Absent: there is no such page. */
  readonly accountSessions?: Pick<AccountSessions, 'begin' | 'path'> | undefined;
  /** Where people end what they allow here. Absent: there is no such page. */
  readonly accountUrl?: string | undefined;
  readonly emit: Emit;
}
