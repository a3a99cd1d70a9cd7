import type { ClientKey } from '../../services/identity/client-credential.ts';
import type { ProviderPreset } from '../../services/identity/presets/preset.ts';
import { algorithmsOf } from './client-key.ts';
import type { ClientCertificateConfig, ClientTokenConfig } from './config.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigProblem } from './setting.ts';

type Values = Partial<SettingValues>;

/** What the platform says to whatever runs on it. */
export type PlatformValues = Pick<
  SettingValues,
  'ACTIONS_ID_TOKEN_REQUEST_URL' | 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'
>;

/** For Entra, which every managed identity is a client of. */
const azureAudience = 'api://AzureADTokenExchange';

/** The variables that each stand for one way to authenticate; the first is the usual one. */
const credentials = [
  'OIDC_CLIENT_SECRET',
  'OIDC_CLIENT_KEY',
  'OIDC_CLIENT_CERT_FILE',
  'OIDC_CLIENT_TOKEN_SOURCE',
  'OIDC_CLIENT_TOKEN_PATH',
] as const;

/** What means nothing without another variable. */
const dependents = [
  ['OIDC_CLIENT_KEY_ID', 'OIDC_CLIENT_KEY', 'set OIDC_CLIENT_KEY_FILE, or unset it'],
  ['OIDC_CLIENT_CERT_KEY_FILE', 'OIDC_CLIENT_CERT_FILE', 'set OIDC_CLIENT_CERT_FILE, or unset it'],
  ['OIDC_CLIENT_CERT_HOSTS', 'OIDC_CLIENT_CERT_FILE', 'set OIDC_CLIENT_CERT_FILE, or unset it'],
  ['OIDC_CLIENT_TOKEN_AUDIENCE', 'OIDC_CLIENT_TOKEN_SOURCE', 'set OIDC_CLIENT_TOKEN_SOURCE, or unset it'],
  [
    'OIDC_CLIENT_TOKEN_IDENTITY',
    'OIDC_CLIENT_TOKEN_SOURCE',
    'set OIDC_CLIENT_TOKEN_SOURCE=azure, or unset it',
  ],
] as const;

/** The key with the `kid` and the algorithm that the provider is told. */
export function assembleClientKey(
  { OIDC_CLIENT_KEY: key, OIDC_CLIENT_KEY_ID: keyId }: Values,
  { assertionAlgorithm }: ProviderPreset,
): ClientKey | undefined {
  if (key === undefined) return undefined;
  const { isAlgorithmChosen, ...own } = key;
  const isOther =
    !isAlgorithmChosen && assertionAlgorithm !== undefined && algorithmsOf(key).includes(assertionAlgorithm);
  return {
    ...own,
    keyId: keyId ?? key.keyId,
    algorithm: isOther ? assertionAlgorithm : key.algorithm,
  };
}

export function assembleClientCertificate({
  OIDC_CLIENT_CERT_FILE: certFile,
  OIDC_CLIENT_CERT_KEY_FILE: keyFile = certFile,
  OIDC_CLIENT_CERT_HOSTS: hosts = [],
}: Values): ClientCertificateConfig | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { files: { certFile, keyFile }, hosts };
}

/** `findCredentialProblems` has seen to it that nothing is missing. */
export function assembleClientToken(values: Values): ClientTokenConfig | undefined {
  const { OIDC_CLIENT_TOKEN_HOSTS: hosts = [] } = values;
  const from = findTokenSource(values);
  return from === undefined || hosts.length === 0 ? from : { ...from, hosts };
}

function findTokenSource(values: Values): ClientTokenConfig | undefined {
  const { OIDC_CLIENT_TOKEN_PATH: path, OIDC_CLIENT_TOKEN_AUDIENCE: audience } = values;
  const source = values.OIDC_CLIENT_TOKEN_SOURCE ?? (path === undefined ? undefined : 'file');
  switch (source) {
    case undefined:
      return undefined;
    case 'file':
      return { source, path: path ?? '' };
    case 'gcp':
      return { source, audience: audience ?? '' };
    case 'azure':
      return { source, audience: audience ?? azureAudience, identity: values.OIDC_CLIENT_TOKEN_IDENTITY };
    case 'github-actions':
      return {
        source,
        audience: audience ?? '',
        requestUrl: values.ACTIONS_ID_TOKEN_REQUEST_URL ?? '',
        requestToken: values.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? '',
      };
  }
}

/** One way to authenticate and no more: of two, nobody could say which one the provider sees. */
export function findCredentialProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  // One with a problem of its own is missing among the values, and has been told about.
  if (!credentials.every((name) => Object.hasOwn(values, name))) return [];
  const [first, second, third] = credentials.filter((name) => isSet(values, name));
  if (first === undefined) {
    const fix =
      'set it to the client secret from your identity provider (or, in its place, OIDC_CLIENT_KEY, OIDC_CLIENT_CERT_FILE, OIDC_CLIENT_TOKEN_PATH or OIDC_CLIENT_TOKEN_SOURCE), or name a file that holds it with OIDC_CLIENT_SECRET_FILE';
    return [{ variable: 'OIDC_CLIENT_SECRET', problem: 'is not set', fix }];
  }
  const isPathOfSource = values.OIDC_CLIENT_TOKEN_SOURCE === 'file' && third === undefined;
  if (second !== undefined && !(first === 'OIDC_CLIENT_TOKEN_SOURCE' && isPathOfSource)) {
    return [{ variable: second, problem: `is set, and so is ${first}`, fix: 'unset one of the two' }];
  }
  if (preset.protocol === 'github' && first !== 'OIDC_CLIENT_SECRET') {
    const problem = `is set, and ${preset.title} knows its clients by a secret only`;
    return [{ variable: first, problem, fix: 'set OIDC_CLIENT_SECRET in its place' }];
  }
  return [...findDependents(values), ...findTokenProblems(values), ...findKeyProblems(values, preset)];
}

function isSet(values: Values, name: keyof Values): boolean {
  const value = values[name];
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function findDependents(values: Values): ConfigProblem[] {
  return dependents
    .filter(([name, other]) => isSet(values, name) && !isSet(values, other))
    .map(([variable, other, fix]) => ({
      variable,
      problem: `is set, and ${other} is not: it would have no effect`,
      fix,
    }));
}

function findTokenProblems(values: Values): ConfigProblem[] {
  const { OIDC_CLIENT_TOKEN_SOURCE: source, OIDC_CLIENT_TOKEN_AUDIENCE: audience } = values;
  if (source === undefined) return findPathProblems(values);
  const effectless = `is set, and OIDC_CLIENT_TOKEN_SOURCE is ${source}: it would have no effect`;
  const problems: ConfigProblem[] = [];
  const add = (variable: string, problem: string, fix: string): void => {
    problems.push({ variable, problem, fix });
  };
  if (source !== 'azure' && isSet(values, 'OIDC_CLIENT_TOKEN_IDENTITY')) {
    add('OIDC_CLIENT_TOKEN_IDENTITY', effectless, 'unset it');
  }
  if (source === 'file') {
    if (!isSet(values, 'OIDC_CLIENT_TOKEN_PATH')) {
      add('OIDC_CLIENT_TOKEN_PATH', 'is not set', 'set it to the path of the file of the token');
    }
    if (audience !== undefined) {
      const fix = 'unset it; it is chosen where the file comes from, such as the projected volume';
      add('OIDC_CLIENT_TOKEN_AUDIENCE', effectless, fix);
    }
  }
  if ((source === 'gcp' || source === 'github-actions') && audience === undefined) {
    const fix = 'set it to what the identity provider wants as audience, often its issuer';
    add('OIDC_CLIENT_TOKEN_AUDIENCE', `is not set, and OIDC_CLIENT_TOKEN_SOURCE is ${source}`, fix);
  }
  return source === 'github-actions' ? [...problems, ...findActionsProblems(values)] : problems;
}

function findPathProblems(values: Values): ConfigProblem[] {
  if (isSet(values, 'OIDC_CLIENT_TOKEN_PATH') || !isSet(values, 'OIDC_CLIENT_TOKEN_HOSTS')) return [];
  const problem = 'is set, and no token is presented: it would have no effect';
  const fix = 'set OIDC_CLIENT_TOKEN_SOURCE, or unset it';
  return [{ variable: 'OIDC_CLIENT_TOKEN_HOSTS', problem, fix }];
}

/** Told at the variable that is ours: the others are for the runner to set. */
function findActionsProblems(values: Values): ConfigProblem[] {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = values;
  const variable = 'OIDC_CLIENT_TOKEN_SOURCE';
  if (url === undefined || token === undefined) {
    const problem =
      'is github-actions, and ACTIONS_ID_TOKEN_REQUEST_URL or ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set';
    const fix =
      'give the job "permissions: id-token: write", and hand both variables on when this server runs in a container; outside of GitHub Actions choose another source';
    return [{ variable, problem, fix }];
  }
  const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' };
  // Whoever reads the request could ask for tokens of the job.
  if (protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1')) return [];
  const problem = 'is github-actions, and ACTIONS_ID_TOKEN_REQUEST_URL is no https URL';
  return [{ variable, problem, fix: 'hand the variable on as the runner set it' }];
}

/** @see https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials */
function findKeyProblems({ OIDC_CLIENT_KEY: key }: Values, preset: ProviderPreset): ConfigProblem[] {
  if (key === undefined || preset.assertionAlgorithm === undefined) return [];
  const variable = 'OIDC_CLIENT_KEY';
  const { title, assertionAlgorithm } = preset;
  if (!algorithmsOf(key).includes(assertionAlgorithm)) {
    const fix =
      'use an RSA key: openssl req -x509 -newkey rsa:3072 -nodes -keyout client.pem -out client.crt';
    return [{ variable, problem: `is no RSA key, and ${title} takes no other`, fix }];
  }
  if (key.certificate !== undefined) return [];
  const problem = `has no certificate beside it, and ${title} knows keys by their certificates`;
  return [{ variable, problem, fix: 'write the certificate into the same file, behind the key' }];
}
