/** Codes as the authorization endpoint would issue them after a login, made beforehand so that no login is measured. */
import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import type { Sealer } from '../src/platform/sealing/sealer.ts';
import { computeCodeChallenge } from '../src/protocol/pkce.ts';
import type { ClientFingerprint } from '../src/services/clients/client.ts';
import { sealAuthorizationCode } from '../src/services/tokens/authorization-code.ts';
import type { GrantTerms } from '../src/services/tokens/grant-terms.ts';
import type { Grants } from '../src/services/tokens/grants.ts';
import { benchIdentityIssuer } from './served-process.ts';

export const redirectUri = 'https://client.example/oauth/callback';
export const codeVerifier = 'x'.repeat(64);
const codeChallenge = computeCodeChallenge(codeVerifier);

/** How many clients a person has. */
const grantsOfPerson = 5;
let granted = 0;

/** What a person of an ordinary company allows a client. */
export function makeTerms(client: ClientFingerprint, resource: string): GrantTerms {
  const now = clock.nowSeconds();
  const person = Math.floor(granted / grantsOfPerson);
  granted += 1;
  return {
    grantId: random.token(16),
    identityIssuer: benchIdentityIssuer,
    subject: String(248_289_761_001 + person),
    email: 'jane.doe@example.com',
    name: 'Jane Doe',
    groups: ['engineering', 'mcp-users', 'on-call'],
    client,
    resource,
    scope: [],
    grantedAt: now,
    absoluteEnd: now + 30 * 24 * 3600,
  };
}

export async function issueCode(
  deps: { readonly grants: Pick<Grants, 'open'>; readonly sealer: Sealer },
  client: ClientFingerprint,
  resource: string,
): Promise<string> {
  const terms = makeTerms(client, resource);
  // Longer than a code lives here: a slow machine must not measure refusals.
  const expiresAt = clock.nowSeconds() + 600;
  await deps.grants.open(terms, expiresAt);
  return sealAuthorizationCode(deps.sealer, { terms, redirectUri, codeChallenge, expiresAt });
}
