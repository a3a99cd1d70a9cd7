import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Identity } from './identity-provider.ts';

/** Somebody whom the provider vouches for, and who does not get in: another try with the same account ends alike. */
export class RefusedPerson extends OAuthError {
  readonly identity: Identity;

  constructor(identity: Identity, description: string, reason: 'account_inactive') {
    super('access_denied', description, { reason });
    this.name = 'RefusedPerson';
    this.identity = identity;
  }
}
