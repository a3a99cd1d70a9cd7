import type { GoogleDirectorySettings } from '../google/google-directory-settings.ts';
import type { OverageSettings } from '../group-overage.ts';

/** A variable that one provider needs beside the general ones. */
export interface PresetVariable {
  /** What it is, for the reference page. */
  readonly description: string;
  /** What may be written, for the reference page. */
  readonly accepts: string;
  readonly syntax: RegExp;
  /** Where the value stands in the provider's console: what to do when it is missing or malformed. */
  readonly console: string;
  /** Without it there is no issuer. */
  readonly required: boolean;
}

/** The values of a preset's variables by name; undefined: not set. */
export type PresetValues = Readonly<Record<string, string | undefined>>;

export interface PresetOptions {
  readonly values: PresetValues;
  /** Whether people are asked about again at the provider, for which it has to give a refresh token. */
  readonly asksAgain: boolean;
}

/** What is wrong with a setting for this provider, and what to do. */
export interface PresetProblem {
  readonly problem: string;
  readonly fix: string;
}

/** The ways of one identity provider: plain data, and what follows from the few values it needs. */
export interface ProviderPreset {
  /** As people call it. */
  readonly title: string;
  /** `github`: OAuth 2.0 with GitHub's interface behind it. */
  readonly protocol: 'openid' | 'github';
  readonly variables: Readonly<Record<string, PresetVariable>>;
  /** Undefined: a value that it takes is missing. Nothing is derived when OIDC_ISSUER_URL is set. */
  deriveIssuer(values: PresetValues): string | undefined;
  /** What keeps an issuer, derived or written by hand, from being used. */
  refuseIssuer?(issuer: string): PresetProblem | undefined;
  scopes(options: PresetOptions): readonly string[];
  /** Of the authorization request, beyond those of every login. */
  authorizationParameters(options: PresetOptions): Readonly<Record<string, string>>;
  /** Whom a client assertion has to be for. Default: the issuer. */
  readonly assertionAudience?: 'issuer' | 'token_endpoint';
  /** With which client assertions have to be signed, by a key that has a certificate. Default: whatever the key has. */
  readonly assertionAlgorithm?: 'PS256';
  /** Parameters that this provider refuses beside those of every login. */
  readonly forbiddenParameters: readonly string[];
  /** Whether strangers have accounts there as well: anybody could enter who is not kept out by a rule of ours. */
  isOpenToStrangers?(issuer: string, values: PresetValues): boolean;
  /** What keeps them out. Default: ALLOWED_GROUPS. */
  readonly strangersFix?: string;
  /** Undefined: it never says groups, so that a demand for one would keep everybody out. */
  readonly groupsClaim: string | undefined;
  /** What to do when groups are demanded nevertheless. Default: name a claim. */
  readonly noGroupsFix?: string;
  /** `keys`: its claim is an object whose keys are the groups. Default: a list. */
  readonly groupsForm?: 'names' | 'keys';
  /** What keeps it from ever saying a group of this name. Default: nothing is known of its names. */
  refuseGroup?(group: string): PresetProblem | undefined;
  /** Whether its claim leaves groups out that somebody is in through one above, in the path. */
  inheritsGroups?(values: PresetValues): boolean;
  /** What is done about people of too many groups. Default: their claims list them all. */
  overage?(values: PresetValues): OverageSettings;
  /** The directory that is asked beside it, if these values say so. Default: there is none. */
  directory?(values: PresetValues): GoogleDirectorySettings | undefined;
  /** What is wrong with its own variables together, each problem with the variable that it is about. */
  findProblems?(values: PresetValues): ReadonlyArray<PresetProblem & { readonly variable: string }>;
  /** Claims of the ID token that must have one of these values, by name. */
  requiredClaims(values: PresetValues): Readonly<Record<string, readonly string[]>>;
  /** What to look for when the discovery document cannot be read, by the kind of failure. */
  readonly discoveryHints?: Readonly<Record<string, string>>;
  /** What to look for in the provider's console when a login fails, by the kind of failure. */
  readonly consoleHints: Readonly<Record<string, string>>;
}

/** What most providers have in common. */
export const plainOpenId = {
  protocol: 'openid',
  scopes: () => ['openid', 'email', 'profile'],
  authorizationParameters: () => ({}),
  forbiddenParameters: [],
  groupsClaim: 'groups',
  requiredClaims: () => ({}),
} satisfies Partial<ProviderPreset>;

/** The scopes of a provider that gives refresh tokens for `offline_access` only. */
export function offlineScopes({ asksAgain }: PresetOptions): readonly string[] {
  return ['openid', 'email', 'profile', ...(asksAgain ? ['offline_access'] : [])];
}

export const hostSyntax =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/i;
