import type { GrantTerms } from '../../services/tokens/grant-terms.ts';

// `%` too: without it the encoding of one person's name could be spelled by another's.
const unsafe = /[^\x20-\x24\x26-\x7e]|^ | $/gu;
const unsafeInList = /[^\x20-\x24\x26-\x2b\x2d-\x7e]|^ | $/gu;

/**
 * Who is calling, for the upstream, as header lines. `X-User-Groups` is comma-joined and absent when there are none;
 * `X-User-Email` is empty when there is none. A client that acts for itself is named by `X-User-Client`, and by nothing else.
 *
 * Visible ASCII and the spaces inside travel as they are. Every other character, and `%`, is percent-encoded UTF-8, in
 * groups also the comma: one value has one spelling, and no claim of an identity provider can end a line or begin
 * another group.
 */
export function formatIdentityHeaders(grant: GrantTerms): string {
  const known = formatted.get(grant);
  if (known !== undefined) return known;
  const text = grant.actor === 'client' ? formatClient(grant) : formatPerson(grant);
  formatted.set(grant, text);
  return text;
}

/** None of the headers that a person has: whoever takes their absence for nobody is right. */
function formatClient({ subject }: GrantTerms): string {
  return `X-User-Client: ${encode(subject, unsafe)}\r\n`;
}

function formatPerson(grant: GrantTerms): string {
  const lines = [
    `X-User-Sub: ${encode(grant.subject, unsafe)}\r\n`,
    `X-User-Email: ${encode(grant.email ?? '', unsafe)}\r\n`,
  ];
  if (grant.groups.length > 0) {
    const groups = grant.groups.map((group) => encode(group, unsafeInList));
    lines.push(`X-User-Groups: ${groups.join(',')}\r\n`);
  }
  return lines.join('');
}

/** The same grant calls again and again, and is the same object as long as its token is remembered. */
const formatted = new WeakMap<GrantTerms, string>();

function encode(value: string, characters: RegExp): string {
  return value.replaceAll(characters, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}
