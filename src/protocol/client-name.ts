import { OAuthError } from './oauth-error.ts';

const maxClientNameBytes = 512;
// Control, format (bidi overrides, zero-width, tags), private use, surrogate, unassigned, line and paragraph separators;
// what else fonts show as nothing (fillers, joiners, blank braille), but for the variation selectors of emoji.
const invisible =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}[\p{Default_Ignorable_Code_Point}--[\uFE0E\uFE0F]]\u2800]/v;
const combiningFlood = /\p{M}{4,}/u;

/**
 * Accepts a client name that a person can be shown as it is: what is stored is what is displayed.
 * @throws OAuthError `invalid_client_metadata`, reason `client_name_invalid`   @see RFC 7591 §2 and §5
 */
export function parseClientName(value: string): string {
  const name = value.trim();
  if (Buffer.byteLength(name) > maxClientNameBytes) throw refuse(`longer than ${maxClientNameBytes} bytes`);
  // Emoji variation selectors are marks, so a plain emoji passes; joiners are format characters and do not.
  if (invisible.test(name)) throw refuse('made of characters that cannot be seen');
  if (combiningFlood.test(name)) throw refuse('stacked with combining marks');
  return name;
}

function refuse(what: string): OAuthError {
  return new OAuthError('invalid_client_metadata', `client_name is ${what}`, {
    reason: 'client_name_invalid',
  });
}

/** Whether a name mixes Latin letters with letters that imitate them: shown as a warning beside the name. */
export function isMixedScript(name: string): boolean {
  const latin = /\p{Script=Latin}/u.test(name);
  return (
    latin &&
    /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}]/u.test(name)
  );
}
