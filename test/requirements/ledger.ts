import type { Section } from './requirement.ts';
import { authorization } from './rows-authorization.ts';
import { clientDocuments } from './rows-client-documents.ts';
import { clientsInUse } from './rows-clients-in-use.ts';
import { consent } from './rows-consent.ts';
import { extensions } from './rows-extensions.ts';
import { identityProvider } from './rows-identity-provider.ts';
import { operations } from './rows-operations.ts';
import { originsAndHosts } from './rows-origins.ts';
import { proxying } from './rows-proxy.ts';
import { refreshing } from './rows-refresh.ts';
import { registration } from './rows-registration.ts';
import { resourceMetadata } from './rows-resource-metadata.ts';
import { resourceServer } from './rows-resource-server.ts';
import { serverMetadata } from './rows-server-metadata.ts';
import { token } from './rows-token.ts';

/** Every requirement on us, by section, each with the tests that show it. docs/conformance.md is made from it. */
export const ledger: readonly Section[] = [
  resourceMetadata,
  serverMetadata,
  clientDocuments,
  registration,
  authorization,
  consent,
  identityProvider,
  token,
  refreshing,
  resourceServer,
  proxying,
  originsAndHosts,
  operations,
  extensions,
  clientsInUse,
];
