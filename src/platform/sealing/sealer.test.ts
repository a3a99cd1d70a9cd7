import { describe, expect, it } from 'vitest';

import { systemRandom } from '../random.ts';
import { createSealer, type Sealer, type SealPurpose, SealTooLargeError } from './sealer.ts';

const secret = 'the first secret, thirty-two bytes or more';
const nextSecret = 'the second secret, thirty-two bytes or more';
const context = 'https://gatehouse.test';
const purpose: SealPurpose = { name: 'access', prefix: 'mgh_at_', maxLength: 8192 };
const otherPurpose: SealPurpose = { name: 'refresh', prefix: 'mgh_rt_', maxLength: 8192 };

function create(secrets: readonly [string, ...string[]] = [secret], where = context): Sealer {
  return createSealer({ secrets, context: where, random: systemRandom });
}

/** version 1 ‖ key id 4 ‖ nonce 12 ‖ ciphertext ‖ tag 16 */
function decode(token: string): Buffer {
  return Buffer.from(token.slice(purpose.prefix.length), 'base64url');
}

function encode(bytes: Uint8Array): string {
  return purpose.prefix + Buffer.from(bytes).toString('base64url');
}

describe('sealer', () => {
  const sealer = create();
  const token = sealer.seal(purpose, 'what is sealed');

  it.each(['what is sealed', '', '{"a":"✓ 🤖"}', '\0', 'x'.repeat(5000)])(
    'opens %j as what it was',
    (plaintext) => {
      expect(sealer.open(purpose, sealer.seal(purpose, plaintext))).toBe(plaintext);
    },
  );

  it('makes tokens of the prefix and base64url that show nothing of the plaintext', () => {
    expect(token).toMatch(/^mgh_at_[A-Za-z0-9_-]+$/);
    expect(decode(token).includes('sealed')).toBe(false);
  });

  it('never makes the same token, nor uses the same nonce, twice', () => {
    const tokens = Array.from({ length: 5000 }, () => sealer.seal(purpose, 'same'));
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(new Set(tokens.map((each) => decode(each).subarray(5, 17).toString('hex'))).size).toBe(
      tokens.length,
    );
  });

  it('tells of every seal', () => {
    const told: string[] = [];
    const telling = createSealer({
      secrets: [secret],
      context,
      random: systemRandom,
      onSeal: (sealed) => told.push(sealed.name),
    });
    telling.seal(purpose, 'x');
    telling.open(purpose, token);
    telling.seal(otherPurpose, 'x');
    expect(told).toEqual(['access', 'refresh']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])(
    'does not open a token whose tag has %i bytes',
    (length) => {
      const bytes = decode(token);
      expect(sealer.open(purpose, encode(bytes.subarray(0, bytes.length - 16 + length)))).toBeUndefined();
    },
  );

  it('does not open a token with any one bit changed', () => {
    const bytes = decode(token);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(sealer.open(purpose, encode(changed))).toBeUndefined();
    }
  });

  it('does not open a splice of two tokens', () => {
    const first = decode(sealer.seal(purpose, 'a'.repeat(64)));
    const second = decode(sealer.seal(purpose, 'b'.repeat(64)));
    for (let cut = 6; cut < first.length; cut += 1) {
      const splice = Buffer.concat([first.subarray(0, cut), second.subarray(cut)]);
      if (splice.equals(first) || splice.equals(second)) continue;
      expect(sealer.open(purpose, encode(splice))).toBeUndefined();
    }
  });

  it.each<[string, (sealed: string) => string]>([
    ['padding', (sealed) => `${sealed}=`],
    ['two padding characters', (sealed) => `${sealed}==`],
    ['trailing white space', (sealed) => `${sealed} `],
    ['a trailing line feed', (sealed) => `${sealed}\n`],
    ['white space inside', (sealed) => `${sealed.slice(0, 20)} ${sealed.slice(20)}`],
    ['junk inside', (sealed) => `${sealed.slice(0, 20)}!${sealed.slice(20)}`],
    ['an appended character', (sealed) => `${sealed}A`],
    ['an appended NUL', (sealed) => `${sealed}\0`],
    ['another case of the prefix', (sealed) => sealed.replace('mgh_at_', 'MGH_AT_')],
    ['the prefix twice', (sealed) => `mgh_at_${sealed}`],
    ['no prefix', (sealed) => sealed.slice('mgh_at_'.length)],
    ['nothing but the prefix', () => 'mgh_at_'],
    ['nothing', () => ''],
  ])('does not open a token with %s', (_, change) => {
    expect(sealer.open(purpose, change(token))).toBeUndefined();
  });

  it('opens one spelling of the base64url only', () => {
    // Of 1 to 3 plaintext bytes two lengths leave unused bits in the last character, and all use some + or / sooner or later.
    const spellings = ['a', 'ab', 'abc'].flatMap((plaintext) => {
      const sealed = sealer.seal(purpose, plaintext);
      const body = sealed.slice(purpose.prefix.length);
      const last = Array.from(
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
        (character) => body.slice(0, -1) + character,
      );
      const standard = Buffer.from(body, 'base64url').toString('base64');
      return [...last, standard].filter((spelling) => spelling !== body);
    });
    for (const spelling of spellings) expect(sealer.open(purpose, purpose.prefix + spelling)).toBeUndefined();
  });

  it.each([0, 2, 255])('does not open a token of format version %i', (version) => {
    const bytes = decode(token);
    bytes[0] = version;
    expect(sealer.open(purpose, encode(bytes))).toBeUndefined();
  });
});

describe('sealer purposes', () => {
  const sealer = create();
  const sealed = sealer.seal(purpose, 'x');

  it('opens nothing for another purpose, whatever the prefix', () => {
    expect(sealer.open(otherPurpose, sealed)).toBeUndefined();
    expect(sealer.open(otherPurpose, sealed.replace('mgh_at_', 'mgh_rt_'))).toBeUndefined();
    expect(sealer.open({ ...otherPurpose, prefix: purpose.prefix }, sealed)).toBeUndefined();
  });

  it('opens nothing under a prefix that was swapped', () => {
    expect(sealer.open({ ...purpose, prefix: 'mgh_rt_' }, sealed)).toBeUndefined();
    expect(sealer.open(purpose, sealed.replace('mgh_at_', 'mgh_rt_'))).toBeUndefined();
  });

  it('caps what it seals and what it looks at', () => {
    const roomy = { ...purpose, maxLength: 16_384 };
    const tight = { ...purpose, maxLength: 100 };
    expect(() => sealer.seal(tight, 'x'.repeat(100))).toThrow(SealTooLargeError);
    const long = sealer.seal(roomy, 'x'.repeat(8000));
    expect(sealer.open(roomy, long)).toBe('x'.repeat(8000));
    expect(sealer.open(purpose, long)).toBeUndefined();
  });

  it('allows a token of exactly the cap', () => {
    const { length } = sealed;
    expect(sealer.open({ ...purpose, maxLength: length }, sealed)).toBe('x');
    expect(sealer.seal({ ...purpose, maxLength: length }, 'x')).toHaveLength(length);
    expect(sealer.open({ ...purpose, maxLength: length - 1 }, sealed)).toBeUndefined();
  });

  it('does not say in its error what was to be sealed', () => {
    expect(() => sealer.seal({ ...purpose, maxLength: 10 }, 'a secret thing')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret thing') }),
    );
  });
});

describe('sealer deployments and generations', () => {
  it('does not open the token of another public URL', () => {
    expect(create([secret], 'https://other.test').open(purpose, create().seal(purpose, 'x'))).toBeUndefined();
  });

  it('opens what an older generation sealed, and seals with the newest', () => {
    const old = create([secret]).seal(purpose, 'old');
    const rotated = create([nextSecret, secret]);
    expect(rotated.open(purpose, old)).toBe('old');
    const fresh = rotated.seal(purpose, 'new');
    expect(create([nextSecret]).open(purpose, fresh)).toBe('new');
    expect(create([secret]).open(purpose, fresh)).toBeUndefined();
  });

  it('does not open what a generation sealed that is gone', () => {
    expect(create([nextSecret]).open(purpose, create([secret]).seal(purpose, 'x'))).toBeUndefined();
  });

  it('does not try other keys for a key id it does not know', () => {
    const bytes = decode(create([secret]).seal(purpose, 'x'));
    const foreign = decode(create([nextSecret]).seal(purpose, 'x'));
    const relabelled = Buffer.concat([bytes.subarray(0, 1), foreign.subarray(1, 5), bytes.subarray(5)]);
    expect(create([secret]).open(purpose, encode(relabelled))).toBeUndefined();
    expect(create([nextSecret, secret]).open(purpose, encode(relabelled))).toBeUndefined();
    const unknown = Buffer.concat([bytes.subarray(0, 1), Buffer.from('ffffffff', 'hex'), bytes.subarray(5)]);
    expect(create([secret]).open(purpose, encode(unknown))).toBeUndefined();
  });

  it('gives away by the key id nothing that a sealing key is made of', () => {
    const keyIds = [purpose, otherPurpose].map((each) =>
      Buffer.from(create().seal(each, 'x').slice(each.prefix.length), 'base64url')
        .subarray(1, 5)
        .toString('hex'),
    );
    expect(keyIds[0]).toBe(keyIds[1]);
    expect(Buffer.from(secret).toString('hex')).not.toContain(keyIds[0]);
  });
});
