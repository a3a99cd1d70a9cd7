import type { ConfigWarning } from './config.ts';
import { findIdentityProviderProblems, findIdentityProviderWarnings } from './identity-provider-config.ts';
import { defaultListenAddress, isSameListener } from './listen-address.ts';
import { findRedisProblems, findRedisWarnings } from './redis-posture.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigProblem } from './setting.ts';
import { findTlsProblems } from './tls-posture.ts';

type Values = Partial<SettingValues>;

type CombinedProblem = { readonly when: (values: Values) => boolean } & ConfigProblem;

const secretUnset: CombinedProblem = {
  when: (values) => isUnset(values, 'TOKEN_SIGNING_SECRET') && isUnset(values, 'SIGNING_KEYS_FILE'),
  variable: 'TOKEN_SIGNING_SECRET',
  problem: 'is not set',
  fix: 'generate one with: openssl rand -base64 48, or name a file that holds it with TOKEN_SIGNING_SECRET_FILE',
};

/** Problems of several variables together. A variable with a problem of its own is missing and says nothing here. */
const combinedProblems: readonly CombinedProblem[] = [
  secretUnset,
  {
    // Which of the two seals would be anybody's guess.
    when: ({ SIGNING_KEYS_FILE, TOKEN_SIGNING_SECRET, TOKEN_SIGNING_SECRETS_PREVIOUS }) =>
      SIGNING_KEYS_FILE !== undefined &&
      (TOKEN_SIGNING_SECRET !== undefined || (TOKEN_SIGNING_SECRETS_PREVIOUS?.length ?? 0) > 0),
    variable: 'SIGNING_KEYS_FILE',
    problem: 'is set, and so is TOKEN_SIGNING_SECRET or TOKEN_SIGNING_SECRETS_PREVIOUS',
    fix: 'unset those; gatehouse keys generate --import puts them into a new key file',
  },
  {
    when: ({ SHUTDOWN_DELAY = 0, SHUTDOWN_TIMEOUT }) =>
      SHUTDOWN_TIMEOUT !== undefined && SHUTDOWN_DELAY >= SHUTDOWN_TIMEOUT,
    variable: 'SHUTDOWN_DELAY',
    problem: 'is not shorter than SHUTDOWN_TIMEOUT, of which it is a part',
    fix: 'shorten it, or raise SHUTDOWN_TIMEOUT and how long your service manager waits',
  },
  {
    // Anybody could choose the address they count for.
    when: ({ PROD_MODE, TRUST_PROXY_HEADERS, TRUSTED_PROXY_CIDRS }) =>
      PROD_MODE === true && TRUST_PROXY_HEADERS === true && TRUSTED_PROXY_CIDRS?.length === 0,
    variable: 'TRUST_PROXY_HEADERS',
    problem: 'is true without TRUSTED_PROXY_CIDRS, which production mode refuses',
    fix: 'unset it, and list the networks of your proxies in TRUSTED_PROXY_CIDRS',
  },
  {
    // Each would have a memory of its own: codes and refresh tokens would work once in every worker.
    when: ({ WORKERS, STORE_PATH }) => WORKERS !== undefined && WORKERS !== 1 && STORE_PATH === ':memory:',
    variable: 'WORKERS',
    problem: 'is more than one process, and STORE_PATH is :memory:, which processes cannot share',
    fix: 'name a file in STORE_PATH or set REDIS_URL, or unset WORKERS',
  },
  {
    // Whoever it is reachable for could have it look around on its machine.
    when: ({ CIMD_ALLOW_LOOPBACK, PROXY_BASE_URL }) =>
      CIMD_ALLOW_LOOPBACK === true && PROXY_BASE_URL?.loopback === false,
    variable: 'CIMD_ALLOW_LOOPBACK',
    problem: 'is true, and PROXY_BASE_URL is not on loopback',
    fix: 'unset it; it is for a server that is used from its own machine alone',
  },
  {
    when: hasOneAddressForBothListeners,
    variable: 'METRICS_ADDR',
    problem: 'is the address of the public listener (LISTEN_ADDR)',
    fix: 'choose another port',
  },
];

const combinedWarnings: ReadonlyArray<{ readonly when: (values: Values) => boolean } & ConfigWarning> = [
  {
    when: ({ PROD_MODE, ALLOWED_GROUPS, GOOGLE_HOSTED_DOMAIN }) =>
      PROD_MODE === true && ALLOWED_GROUPS?.length === 0 && GOOGLE_HOSTED_DOMAIN === undefined,
    event: 'allowed_groups_unset',
    message: 'ALLOWED_GROUPS is not set: every account of the provider may enter',
  },
  {
    when: ({ TRUST_PROXY_HEADERS, TRUSTED_PROXY_CIDRS }) =>
      TRUST_PROXY_HEADERS === true && TRUSTED_PROXY_CIDRS?.length === 0,
    event: 'trust_proxy_headers_deprecated',
    message:
      'TRUST_PROXY_HEADERS=true: anybody can choose the address they count for; use TRUSTED_PROXY_CIDRS',
  },
  {
    when: ({ TRUST_PROXY_HEADERS, TRUSTED_PROXY_CIDRS }) =>
      TRUST_PROXY_HEADERS === true && (TRUSTED_PROXY_CIDRS?.length ?? 0) > 0,
    event: 'trust_proxy_headers_superseded_by_cidrs',
    message: 'TRUST_PROXY_HEADERS has no effect while TRUSTED_PROXY_CIDRS is set; unset it',
  },
];

/** @param sealsNothing nothing will need a secret of ours */
export function findCombinedProblems(
  values: Values,
  { sealsNothing }: { readonly sealsNothing: boolean },
): ConfigProblem[] {
  const found = combinedProblems
    .filter((rule) => rule.when(values) && !(sealsNothing && rule === secretUnset))
    .map(({ variable, problem, fix }) => ({ variable, problem, fix }));
  return [
    ...findIdentityProviderProblems(values),
    ...found,
    ...findTlsProblems(values),
    ...findRedisProblems(values),
  ];
}

export function findCombinedWarnings(values: Values): ConfigWarning[] {
  const found = combinedWarnings
    .filter((rule) => rule.when(values))
    .map(({ event, message }) => ({ event, message }));
  return [...found, ...findIdentityProviderWarnings(values), ...findRedisWarnings(values)];
}

/** Read, and not set: a variable with a problem of its own was not read. */
function isUnset(values: Values, variable: keyof Values): boolean {
  return Object.hasOwn(values, variable) && values[variable] === undefined;
}

function hasOneAddressForBothListeners(values: Values): boolean {
  const { LISTEN_ADDR, METRICS_ADDR, PROXY_BASE_URL } = values;
  if (METRICS_ADDR === undefined || PROXY_BASE_URL === undefined) return false;
  return isSameListener(LISTEN_ADDR ?? defaultListenAddress(PROXY_BASE_URL), METRICS_ADDR);
}
