import { findGoogleDirectory, findGoogleDirectoryProblems } from './google-directory.ts';
import { googleDirectoryHints, googleDirectoryVariables } from './google-directory-variables.ts';
import { plainOpenId, type PresetValues, type PresetVariable, type ProviderPreset } from './preset.ts';

export const googleVariables = {
  GOOGLE_HOSTED_DOMAIN: {
    description:
      'With `IDP=google`: only accounts of these Google Workspace domains may enter, by the claim `hd` of the ID token. Unset: every Google account may, the private ones too.',
    accepts: 'one or more domains separated by commas, such as `example.com`',
    syntax: /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:,[a-z0-9-]+(?:\.[a-z0-9-]+)+)*$/,
    console:
      'write the primary domain that the Google Admin console shows under Account > Domains, in lower case',
    required: false,
  },
  ...googleDirectoryVariables,
} satisfies Record<string, PresetVariable>;

/**
 * Google, with or without Workspace. Groups are in no token of Google's: its directory is asked for them.
 * @see https://developers.google.com/identity/openid-connect/reference
 */
export const google: ProviderPreset = {
  ...plainOpenId,
  title: 'Google Workspace',
  variables: googleVariables,
  deriveIssuer: () => 'https://accounts.google.com',
  authorizationParameters: ({ values, asksAgain }) => ({
    // A refresh token comes with the first consent only, and then only for `offline`; `offline_access` is no scope here.
    ...(asksAgain ? { access_type: 'offline', prompt: 'consent' } : {}),
    ...askForDomain(hostedDomains(values)),
  }),
  isOpenToStrangers: (_issuer, values) => hostedDomains(values).length === 0,
  strangersFix: 'set GOOGLE_HOSTED_DOMAIN',
  groupsClaim: undefined,
  noGroupsFix: 'set GOOGLE_DIRECTORY=groups, or unset it',
  directory: findGoogleDirectory,
  findProblems: findGoogleDirectoryProblems,
  // The parameter `hd` travels through the browser, whose user can take it out: only the claim says who it is.
  requiredClaims: (values) => {
    const domains = hostedDomains(values);
    return domains.length === 0 ? {} : { hd: domains };
  },
  consoleHints: {
    ...googleDirectoryHints,
    invalid_client:
      'Google Cloud console > Google Auth Platform > Clients: OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be of one client of type "Web application", and the secret must be enabled',
    unauthorized_client:
      'Google Cloud console > Google Auth Platform > Clients: the client must be of type "Web application"',
    redirect_uri_mismatch:
      'Google Cloud console > Google Auth Platform > Clients: PROXY_BASE_URL + /callback must be among the "Authorized redirect URIs", to the letter',
  },
};

function hostedDomains(values: PresetValues): readonly string[] {
  return values['GOOGLE_HOSTED_DOMAIN']?.split(',') ?? [];
}

/** Which accounts are offered; a convenience. */
function askForDomain(domains: readonly string[]): Readonly<Record<string, string>> {
  const [first, ...others] = domains;
  if (first === undefined) return {};
  return { hd: others.length === 0 ? first : '*' };
}
