import { systemClock } from '../../../src/platform/clock.ts';
import { systemRandom } from '../../../src/platform/random.ts';
import { createSealer, type Sealer } from '../../../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../../../src/services/clients/client.ts';
import { accessTokenTtlSeconds, sealAccessToken } from '../../../src/services/tokens/access-token.ts';
import { signingSecret } from './cluster.ts';
import { addressOf, publicUrl } from './fault-client.ts';

/** Somebody who calls from an address of their own, so that no limit is met by accident. */
export interface Person {
  readonly token: string;
  readonly address: string;
}

/** So many people, whose tokens are sealed as the gatehouse does it, so that nobody has to log in. */
export class People {
  readonly #everybody: readonly Person[];

  constructor(count: number) {
    const sealer = sealerOf(publicUrl, signingSecret);
    this.#everybody = Array.from({ length: count }, (_, person) => ({
      token: sealFor(sealer, person),
      address: addressOf(person),
    }));
  }

  /** Whose turn it is. */
  at(number: number): Person {
    const person = this.#everybody[number % this.#everybody.length];
    if (person === undefined) throw new Error('there is nobody');
    return person;
  }
}

/** One by one: tokens that are not good, each kind under its name, and no two alike. */
export function makeBadTokens(): ReadonlyMap<string, (number: number) => string> {
  const ours = sealerOf(publicUrl, signingSecret);
  const good = sealFor(ours, 0);
  const numbered = (token: string, at: number) => (number: number) =>
    `${token.slice(0, at)}${String(number).padStart(8, '0')}${token.slice(at + 8)}`;
  const strangers = sealFor(sealerOf(publicUrl, 'a secret of somebody else, thirty-two bytes or more'), 0);
  const elsewhere = sealFor(sealerOf('https://elsewhere.example', signingSecret), 0);
  const foreign = sealFor(ours, 0, { resource: `${publicUrl}/other` });
  const expired = sealFor(ours, 0, { endsIn: -60 });
  return new Map([
    ['altered', numbered(good, Math.floor(good.length / 2))],
    ['with an altered tag', numbered(good, good.length - 10)],
    ['sealed with another key', numbered(strangers, 100)],
    ['of another deployment', numbered(elsewhere, 100)],
    ['of another resource', () => foreign],
    ['expired', () => expired],
    ['a refresh token', numbered(good.replace('mgh_at_', 'mgh_rt_'), 100)],
    ['cut off', (number) => `${good.slice(0, 40)}${String(number).padStart(8, '0')}`],
    ['of no shape', (number) => `${String(number).padStart(8, '0')}${'0123456789abcdef'.repeat(4)}`],
    ['a JSON Web Token', (number) => `eyJhbGciOiJub25lIn0.${'eyJzdWIiOiIxIn0'.repeat(8)}.${number}`],
  ]);
}

function sealerOf(context: string, secret: string): Sealer {
  return createSealer({ secrets: [secret], context, random: systemRandom });
}

function sealFor(
  sealer: Sealer,
  person: number,
  { endsIn = accessTokenTtlSeconds, resource = `${publicUrl}/mcp` } = {},
): string {
  const expiresAt = systemClock.nowSeconds() + endsIn;
  return sealAccessToken(sealer, {
    terms: {
      grantId: systemRandom.token(16),
      identityIssuer: 'https://login.test',
      subject: `person-${person}`,
      email: `person-${person}@example.com`,
      name: 'A Person',
      groups: [],
      client: fingerprintClientId('faults'),
      resource,
      scope: [],
      grantedAt: systemClock.nowSeconds(),
      absoluteEnd: systemClock.nowSeconds() + 30 * 24 * 3600,
    },
    issuedAt: expiresAt - accessTokenTtlSeconds,
    expiresAt,
  });
}
