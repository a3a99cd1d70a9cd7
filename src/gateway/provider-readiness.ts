import type { IdentityProviders } from '../services/identity/identity-providers.ts';
import type { Readiness } from './private-listener.ts';

type ProviderReadiness = Pick<Readiness, 'identity_provider' | 'identity_providers'>;

/** What readiness says of where people log in; nothing where nobody does. One in trouble keeps nobody from the others, and is named. */
export function describeProviders({ all }: Pick<IdentityProviders, 'all'>): ProviderReadiness {
  if (all.length === 0) return {};
  const states = all.map(({ name, provider }) => [name, provider.isReady() ? 'ok' : 'unavailable'] as const);
  return {
    identity_provider: states.every(([, state]) => state === 'ok') ? 'ok' : 'unavailable',
    ...(all.length === 1 ? {} : { identity_providers: Object.fromEntries(states) }),
  };
}

/** Of several identity providers each by its name, as the process says that has trouble with it. */
export function joinProviderReadiness(
  said: readonly Readiness[],
): Pick<ProviderReadiness, 'identity_providers'> {
  const states = said.flatMap(({ identity_providers: each }) => Object.entries(each ?? {}));
  if (states.length === 0) return {};
  const troubled = states.filter(([, state]) => state !== 'ok');
  return { identity_providers: Object.fromEntries([...states, ...troubled]) };
}
