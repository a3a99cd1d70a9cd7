/** Bearer tokens sealed beforehand, with the secret of the gatehouse that is measured: nobody logs in. */
import { writeFileSync } from 'node:fs';

import { systemClock as clock } from '../../src/platform/clock.ts';
import { systemRandom as random } from '../../src/platform/random.ts';
import { createKeyring, scheduleSecrets } from '../../src/platform/sealing/keyring.ts';
import { createSealer, type Sealer } from '../../src/platform/sealing/sealer.ts';
import { createTagger, type Tagger } from '../../src/platform/sealing/tagger.ts';
import { createSessionBinding } from '../../src/resource-server/proxy/session-binding.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { accessTokenTtlSeconds, sealAccessToken } from '../../src/services/tokens/access-token.ts';
import { makeTerms } from '../issue-code.ts';
import { benchSecret } from '../served-process.ts';

/** A gatehouse lets one person have 64 streams and 16 calls at a time: this many people never reach that. */
const people = 256;

/** The one that the upstream of the benchmark gives everybody. */
const upstreamSession = '7f3f2f0e-6a2f-4a53-9b52-0d2a6f9c0b11';

/** Writes tokens of 256 people, a grant each, and what each of them calls the session of the upstream. */
export function writeTokens(file: string, publicUrl: string): void {
  const sealer = sealerOf(publicUrl, benchSecret);
  const sessions = createSessionBinding(`${publicUrl}/mcp`, taggerOf(publicUrl));
  const lines = Array.from({ length: people }, (_, person) => {
    const session = sessions.bind(upstreamSession, termsOf(publicUrl, person), undefined);
    return `${sealFor(sealer, publicUrl, person)} ${session}`;
  });
  writeFileSync(file, `${lines.join('\n')}\n`);
}

/**
 * Writes tokens that are not good, a kind a line: altered ones, sealed with other keys, of other purposes and other
 * deployments, expired, of no shape at all, and long ones. A row of `#` is for the caller to fill.
 */
export function writeBadTokens(file: string, publicUrl: string): void {
  const ours = sealerOf(publicUrl, benchSecret);
  const strangers = sealerOf(publicUrl, 'a secret of somebody else, thirty-two bytes or more');
  const elsewhere = sealerOf('https://elsewhere.example', benchSecret);
  const good = sealFor(ours, publicUrl, 0);
  const kinds = [
    ['altered in its middle', number(good, Math.floor(good.length / 2))],
    ['altered in its tag', number(good, good.length - 10)],
    ['sealed with another key', number(sealFor(strangers, publicUrl, 0), 100)],
    ['sealed by another deployment', number(sealFor(elsewhere, publicUrl, 0), 100)],
    ['a refresh token by its prefix', number(good.replace('mgh_at_', 'mgh_rt_'), 100)],
    ['expired', sealFor(ours, publicUrl, 0, -60)],
    ['cut off', `${good.slice(0, 40)}########`],
    ['of no shape', `########${'0123456789abcdef'.repeat(4)}`],
    ['a JSON Web Token', `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiIxMjM0NTY3ODkwIn0'.repeat(8)}.########`],
    ['four kilobytes long', `mgh_at_########${'A'.repeat(4096)}`],
  ] as const;
  writeFileSync(file, `${kinds.map(([, token]) => token).join('\n')}\n`);
}

function sealerOf(context: string, secret: string): Sealer {
  return createSealer({ secrets: [secret], context, random });
}

function sealFor(sealer: Sealer, publicUrl: string, person: number, endsIn = accessTokenTtlSeconds): string {
  const terms = termsOf(publicUrl, person);
  const expiresAt = clock.nowSeconds() + endsIn;
  return sealAccessToken(sealer, { terms, issuedAt: expiresAt - accessTokenTtlSeconds, expiresAt });
}

function termsOf(publicUrl: string, person: number): GrantTerms {
  const subject = String(248_289_761_000 + person);
  return { ...makeTerms(fingerprintClientId('bench'), `${publicUrl}/mcp`), subject };
}

/** As the gatehouse makes them that is measured. */
function taggerOf(context: string): Tagger {
  const keyring = createKeyring(scheduleSecrets([benchSecret]), { clock });
  return createTagger({ keyring, purpose: 'mcp-session-id', context });
}

function number(token: string, at: number): string {
  return `${token.slice(0, at)}########${token.slice(at + 8)}`;
}
