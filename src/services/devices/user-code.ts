import type { Random } from '../../platform/random.ts';

/** What a person types to say which device is meant: eight letters, upper case, no hyphen. Makers: the two below. */
export type UserCode = string & { readonly __brand: 'UserCode' };

/**
 * No vowels, so that no words come out, and nothing that looks like something else. Eight of them are 34 bits.
 * @see RFC 8628 §6.1
 */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ';
const length = 8;
const syntax = new RegExp(`^[${alphabet}]{${length}}$`);

export function makeUserCode(random: Pick<Random, 'bytes'>): UserCode {
  let code = '';
  while (code.length < length) {
    for (const byte of random.bytes(length)) {
      // Of 256 values 240 are twelve whole alphabets: with the rest, some letters would come more often.
      if (byte < 240 && code.length < length) code += alphabet.charAt(byte % alphabet.length);
    }
  }
  return code as UserCode;
}

/** What somebody typed, as a user code: case, hyphens and spaces mean nothing. Undefined: it is none. @see RFC 8628 §6.1 */
export function parseUserCode(typed: string): UserCode | undefined {
  // Before anything is made of it: a form may be long.
  if (typed.length > 64) return undefined;
  const code = typed.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  return syntax.test(code) ? (code as UserCode) : undefined;
}

/** As devices and pages show it: `WDJB-MJHT`. */
export function formatUserCode(code: UserCode): string {
  return `${code.slice(0, length / 2)}-${code.slice(length / 2)}`;
}
