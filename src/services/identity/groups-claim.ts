import type { Claims } from './claims.ts';

/** Where the groups of a person are in verified claims. */
export interface GroupsSource {
  /**
   * The name of a top-level claim, taken literally: it may look like a URL. One that begins with a slash is a JSON
   * pointer into nested claims, as `/resource_access/gatehouse/roles`.
   */
  readonly groupsClaim: string;
  /** `keys`: the claim is an object whose keys are the groups. Default: a list of names, or one name. */
  readonly groupsForm?: 'names' | 'keys';
}

export interface GroupsReading {
  readonly groups: readonly string[];
  /** The claim is there and is nothing of the sort; the person then has no groups. */
  readonly isShapeMismatch: boolean;
}

/** @see RFC 6901 */
export function readGroupsClaim(claims: Claims, { groupsClaim, groupsForm }: GroupsSource): GroupsReading {
  const value = findClaim(claims, groupsClaim);
  if (value === undefined || value === null) return { groups: [], isShapeMismatch: false };
  const groups = toNames(value, groupsForm);
  return { groups: [...new Set(groups)], isShapeMismatch: groups === undefined };
}

/**
 * Whether these claims have no groups because they are elsewhere, or too many to list: no groups said are then not no
 * groups, and a rule that keeps members of one out would let them in.
 * @see OpenID Connect Core §5.6.2, https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference#groups-overage-claim
 */
export function leavesGroupsUnsaid(claims: Claims, { groupsClaim }: GroupsSource): boolean {
  const value = findClaim(claims, groupsClaim);
  if (value !== undefined && value !== null) return false;
  const [outermost = ''] = groupsClaim.startsWith('/') ? groupsClaim.slice(1).split('/') : [groupsClaim];
  const name = groupsClaim.startsWith('/') ? unescapePointer(outermost) : outermost;
  const elsewhere = ownMember(claims, '_claim_names');
  const isNamed = isObject(elsewhere) && Object.hasOwn(elsewhere, name);
  const isHidden = ownMember(claims, 'hasgroups');
  return isNamed || isHidden === true || isHidden === 'true';
}

function toNames(value: unknown, form: GroupsSource['groupsForm']): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  if (isListOfText(value)) return value;
  return form === 'keys' && isObject(value) ? Object.keys(value) : undefined;
}

/** A claim by its name, or by a JSON pointer. */
export function findClaim(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return ownMember(claims, name);
  const names = name.slice(1).split('/');
  return names.reduce<unknown>((found, part) => ownMember(found, unescapePointer(part)), claims);
}

/** Only a claim of the token itself: `__proto__` and `constructor` are no groups. */
function ownMember(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
