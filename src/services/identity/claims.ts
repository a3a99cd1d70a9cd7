import { OAuthError } from '../../protocol/oauth-error.ts';
import { type GroupsSource, leavesGroupsUnsaid, readGroupsClaim } from './groups-claim.ts';
import type { Identity } from './identity-provider.ts';

/** The claims of an ID token whose signature, issuer, audience, times and nonce were checked. */
export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimRules extends GroupsSource {
  readonly issuer: string;
  /** Keep an e-mail address although the provider does not say whether it is verified. */
  readonly trustUnverifiedEmail: boolean;
}

export interface ClaimReading {
  readonly identity: Identity;
  /** The groups claim is there and does not say groups; the person then has none. */
  readonly isGroupsShapeMismatch: boolean;
}

// OpenID Connect Core §2: at most 255 ASCII characters. Spaces at the ends would vanish in a header field, so that
// one person could pass for another.
const subjectSyntax = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;
// One @, a plain local part and host labels. Whatever else e-mail allows, two parsers would read differently.
const emailSyntax =
  /^[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]*[a-z0-9])*$/i;
const maxEmailLength = 254;
const maxNameLength = 256;
// Control, format (bidi overrides, zero-width), private use, surrogate, unassigned; line and paragraph separators.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * Reads who somebody is from verified claims. What merely describes a person and is malformed is left out; what
 * decides about access and is malformed refuses the login.
 * @throws OAuthError `access_denied`, reasons `subject_missing`, `email_unverified`, `group_invalid`, `groups_unresolved`
 * @see OpenID Connect Core §2 and §5.1
 */
export function readClaims(claims: Claims, rules: ClaimRules): ClaimReading {
  const subject = readSubject(claims['sub']);
  const email = readEmail(claims, rules.trustUnverifiedEmail);
  const name = readName(claims['name']);
  // Here and not where groups are asked for: whoever vouches for somebody, and in whatever token, is read by this.
  if (leavesGroupsUnsaid(claims, rules)) {
    throw deny('This account is in more groups than the identity provider lists', 'groups_unresolved');
  }
  const { groups, isShapeMismatch } = readGroupsClaim(claims, rules);
  if (!groups.every(isUsableGroup)) {
    throw deny('A group of this account has a name that cannot be used here', 'group_invalid');
  }
  return {
    identity: { issuer: rules.issuer, subject, email, name, groups },
    isGroupsShapeMismatch: isShapeMismatch,
  };
}

/**
 * Admits members of an allowed group, or everyone when no group is listed. A person without groups is in none.
 * @throws OAuthError `access_denied`, reason `group`
 */
export function checkAllowedGroups(groups: readonly string[], allowedGroups: readonly string[]): void {
  if (isAllowedGroup(groups, allowedGroups)) return;
  throw deny('This account is not in a group that may use this service', 'group');
}

/**
 * Admits whose claims have one of the values that each required claim may have; a claim that is missing has none.
 * @throws OAuthError `access_denied`, reason `claim_required`
 */
export function checkRequiredClaims(
  claims: Claims,
  required: Readonly<Record<string, readonly string[]>> = {},
): void {
  for (const [name, values] of Object.entries(required)) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value === 'string' && values.includes(value)) continue;
    throw deny('This account is not of the organisation that may use this service', 'claim_required');
  }
}

/** Whether one of the groups is allowed, or nobody asks. */
export function isAllowedGroup(groups: readonly string[], allowedGroups: readonly string[]): boolean {
  return allowedGroups.length === 0 || groups.some((group) => allowedGroups.includes(group));
}

/** The token names nobody, or in a form that no header can carry unchanged. */
export function subjectMissing(): OAuthError {
  return deny('The identity provider did not say who logged in', 'subject_missing');
}

function readSubject(value: unknown): string {
  if (typeof value === 'string' && subjectSyntax.test(value)) return value;
  throw subjectMissing();
}

function readEmail(claims: Claims, trustUnverified: boolean): string | undefined {
  const email = claims['email'];
  const isWellFormed = typeof email === 'string' && email.length <= maxEmailLength && emailSyntax.test(email);
  const verification = readVerification(claims['email_verified']);
  if (verification === 'unverified') {
    throw deny('The e-mail address of this account is not verified', 'email_unverified');
  }
  const isVouchedFor = verification === 'verified' || trustUnverified;
  return isWellFormed && isVouchedFor ? email : undefined;
}

/** Some providers send the boolean as text; anything else says nothing. */
function readVerification(value: unknown): 'verified' | 'unverified' | 'unsaid' {
  if (value === true || value === 'true') return 'verified';
  return value === false || value === 'false' ? 'unverified' : 'unsaid';
}

function readName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return value.length > maxNameLength || unprintable.test(value) ? undefined : value;
}

/** Groups travel comma-separated in one header: a comma or a space at an end would make one group look like another. */
function isUsableGroup(group: string): boolean {
  return group !== '' && group.trim() === group && !group.includes(',') && !unprintable.test(group);
}

function deny(
  description: string,
  reason:
    | 'subject_missing'
    | 'email_unverified'
    | 'group_invalid'
    | 'group'
    | 'groups_unresolved'
    | 'claim_required',
) {
  return new OAuthError('access_denied', description, { reason });
}
