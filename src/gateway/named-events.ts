import type { Emit } from '../services/audit/events.ts';
import type { ProviderConfig } from './config/config.ts';

/** Puts the provider's name into what it tells of: it knows its issuer alone. */
export function nameProvider({ name }: Pick<ProviderConfig, 'name'>, emit: Emit): Emit {
  return (event, requestId) => {
    const isOfProvider = event.type === 'groups_claim_shape_mismatch' || event.type === 'directory_asked';
    emit(isOfProvider ? { ...event, identityProvider: name } : event, requestId);
  };
}
