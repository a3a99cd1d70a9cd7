import { type Guard, textList } from '../../platform/sealing/shape.ts';

/** Groups as sealed terms have them. */
interface PackedGroups {
  readonly grp?: readonly string[];
  /** Those that are called by a GUID, as Microsoft Entra's are: the bytes of all, one after the other. */
  readonly ggd?: string;
}

const guidSyntax = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const hexOfGuid = /(.{8})(.{4})(.{4})(.{4})(.{12})/g;
const guidBytes = 16;

/** In the one spelling that we write: of another one groups could get lost. */
const packedGuids: Guard<string> = (value): value is string => {
  if (typeof value !== 'string' || value === '') return false;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length % guidBytes === 0 && bytes.toString('base64url') === value;
};

export const packedGroups = { grp: textList, ggd: packedGuids };

/**
 * A GUID takes 22 characters in place of 39: whoever is in two hundred groups fits into a token. Which characters
 * somebody's other groups have changes no length, as it would if this compressed.
 */
export function packGroups(groups: readonly string[]): PackedGroups {
  const guids = groups.filter((group) => guidSyntax.test(group));
  const others = groups.filter((group) => !guidSyntax.test(group));
  const bytes = Buffer.from(guids.join('').replaceAll('-', ''), 'hex');
  return {
    ...(others.length === 0 ? {} : { grp: others }),
    ...(guids.length === 0 ? {} : { ggd: bytes.toString('base64url') }),
  };
}

/** The same groups; those that are called by a GUID last. */
export function unpackGroups({ grp = [], ggd }: PackedGroups): readonly string[] {
  if (ggd === undefined) return grp;
  const hex = Buffer.from(ggd, 'base64url').toString('hex');
  const guids = hex.replaceAll(hexOfGuid, '$1-$2-$3-$4-$5,').split(',');
  return [...grp, ...guids.slice(0, -1)];
}
