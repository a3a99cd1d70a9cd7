import { callbackPathOf } from '../gateway/callback-paths.ts';
import type { GatehouseConfig, MountConfig, ProviderConfig } from '../gateway/config/config.ts';
import { formatListenAddress } from '../gateway/config/listen-address.ts';
import { ConfigError } from '../gateway/config/load-config.ts';
import { describeEntryRules } from './describe-entry.ts';
import { describeConfigError, describeWarning } from './failure.ts';

export interface ConfigReport {
  readonly ok: boolean;
  /** Ends in a line break. Holds no secret. */
  readonly text: string;
}

/** Says everything that is wrong with the configuration, or what it comes to. `load` throws `ConfigError`. */
export function checkConfig(load: () => GatehouseConfig, options: { readonly json: boolean }): ConfigReport {
  try {
    const config = load();
    return { ok: true, text: options.json ? formatJson(config) : formatText(config) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, warnings } = error;
    return {
      ok: false,
      text: options.json
        ? `${JSON.stringify({ ok: false, problems, warnings }, null, 2)}\n`
        : describeConfigError(error),
    };
  }
}

function formatJson(config: GatehouseConfig): string {
  const report = { ok: true, summary: Object.fromEntries(summarize(config)), warnings: config.warnings };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function formatText(config: GatehouseConfig): string {
  const summary = summarize(config);
  const width = Math.max(...summary.map(([label]) => label.length));
  return [
    'the configuration is good',
    ...summary.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`),
    ...config.warnings.map(describeWarning),
    '',
  ].join('\n');
}

/** What the configuration comes to, for people. Of secrets it says only that they are there. */
function summarize(config: GatehouseConfig): ReadonlyArray<readonly [string, string]> {
  const { limits } = config;
  return [
    ['mode', config.productionMode ? 'production' : 'development'],
    ['tokens', config.issuesTokens ? 'issued here' : 'of other issuers alone; none are issued here'],
    ...(config.file === undefined ? describeOnlyMount(config.mounts[0]) : describeMounts(config)),
    ['listens on', formatListenAddress(config.listen)],
    ['tls', config.certificate === undefined ? 'none here' : `certificate ${config.certificate.certFile}`],
    ['metrics on', formatListenAddress(config.metricsListen)],
    ['processes', config.workers === 1 ? '1' : `${config.workers} workers`],
    ...config.identityProviders.flatMap((provider) => describeProvider(provider, config)),
    ...describeEntry(config),
    ['store', describeStore(config.store)],
    describeSealing(config.sealing),
    ...(config.issuesTokens ? describeIssuing(config) : []),
    ...(config.file === undefined ? [describeOrigins(config.mounts[0])] : []),
    ['rate limits', limits.enabled ? 'on' : 'off'],
    ['calls per person', limits.perSubjectConcurrency === 0 ? 'no limit' : `${limits.perSubjectConcurrency}`],
    ['trusted proxies', limits.trustEveryProxy ? 'everybody' : limits.trustedProxyCidrs.join(', ') || 'none'],
  ];
}

type Row = readonly [label: string, text: string];

function describeOnlyMount({ publicOrigin, path, upstream }: MountConfig): readonly Row[] {
  return [
    ['mcp endpoint', `${publicOrigin}${path}`],
    ['upstream', `${upstream.origin}${upstream.path}`],
    ['upstream authorization', upstream.authorization === undefined ? 'none' : 'set'],
    ...describeUpstreamTls(upstream.tls),
  ];
}

/** Each in one line, with what sets it apart. */
function describeMounts({ file, mounts, clients, trustedIssuers }: GatehouseConfig): readonly Row[] {
  return [
    ['file', file?.path ?? 'none'],
    ...mounts.map((mount): Row => {
      const { name, publicOrigin, path, upstream } = mount;
      const marks = listMarks(mount);
      const suffix = marks.length === 0 ? '' : ` (${marks.join(', ')})`;
      return [`mount ${name}`, `${publicOrigin}${path} → ${upstream.origin}${upstream.path}${suffix}`];
    }),
    ...(clients.length === 0 ? [] : [['clients', `${clients.length} of the file`] as const]),
    ...trustedIssuers.map(({ issuer }): Row => ['trusted issuer', issuer]),
  ];
}

function listMarks(mount: MountConfig): string[] {
  const { isDefault, labels, upstream, accepts, scopes, dpop, entry, policy, allowedOrigins } = mount;
  const rules = describeEntryRules(entry);
  const { tls } = upstream;
  return [
    ...(isDefault && accepts === undefined ? ['default'] : []),
    ...(labels === undefined ? [] : [labels === 'any' ? 'any label' : describeLabels(labels)]),
    ...(accepts === undefined ? [] : [`accepts ${accepts.kind} of ${accepts.issuer}`]),
    ...(mount.forwardsToken === true ? ['forwards the token'] : []),
    ...(upstream.authorization === undefined ? [] : ['authorization set']),
    ...(tls.caFile === undefined ? [] : ['own authorities']),
    ...(tls.certificate === undefined ? [] : ['shows a certificate']),
    ...(scopes.declared.length === 0 ? [] : [`scopes ${scopes.declared.map(({ name }) => name).join(' ')}`]),
    ...(dpop === 'off' ? [] : [`tokens bound to a key: ${dpop}`]),
    ...(rules === undefined ? [] : [`entry by ${rules}`]),
    ...(policy === undefined ? [] : [`policy rules: ${policy.rules.length}, otherwise ${policy.otherwise}`]),
    ...(allowedOrigins.length === 0 ? [] : [`web origins ${allowedOrigins.join(' ')}`]),
  ];
}

function describeLabels(labels: readonly string[]): string {
  const shown = labels.slice(0, 10).join(' ');
  return `labels ${shown}${labels.length > 10 ? ` and ${labels.length - 10} more` : ''}`;
}

function describeOrigins({ allowedOrigins }: MountConfig): Row {
  return ['web origins', allowedOrigins.join(', ') || 'none'];
}

function describeUpstreamTls({ caFile, certificate }: MountConfig['upstream']['tls']) {
  const rows: (readonly [string, string])[] = [];
  if (caFile !== undefined) rows.push(['upstream authorities', caFile]);
  if (certificate !== undefined) rows.push(['shown to the upstream', `certificate ${certificate.certFile}`]);
  return rows;
}

/** The labels are keys of the JSON report: of several each has its name in them. */
function describeProvider(provider: ProviderConfig, config: GatehouseConfig): readonly Row[] {
  const { name, issuer, clientId, scopes, allowedGroups, groupsClaim } = provider;
  const isOnly = config.identityProviders.length === 1;
  const where = isOnly ? 'there' : `at ${name}`;
  const rules = describeEntryRules(config.entry);
  const suffix = rules === undefined ? '' : ', within the entry rules';
  const everybody = `every account of the identity provider${suffix}`;
  return [
    [isOnly ? 'identity provider' : `identity provider ${name}`, issuer],
    [`client id ${where}`, clientId],
    [`client auth ${where}`, describeClientAuthentication(provider)],
    [`redirect uri ${where}`, `${config.publicUrl}${callbackPathOf(config, provider)}`],
    [`scopes ${where}`, scopes.join(' ')],
    [
      isOnly ? 'may enter' : `may enter from ${name}`,
      allowedGroups.length === 0 ? everybody : `${groupsClaim}: ${allowedGroups.join(', ')}${suffix}`,
    ],
    ...describeDirectory(provider, where),
  ];
}

function describeDirectory({ directory }: ProviderConfig, where: string): readonly Row[] {
  if (directory === undefined) return [];
  const { reads, admin = 'a service account', credentialsPath } = directory;
  const way = credentialsPath === undefined ? 'the metadata server of Google Cloud' : credentialsPath;
  return [[`directory ${where}`, `asked for ${reads}, read as ${admin} by way of ${way}`]];
}

function describeEntry({ entry }: GatehouseConfig): readonly Row[] {
  const rules = describeEntryRules(entry);
  return rules === undefined ? [] : [['entry rules', rules]];
}

function describeIssuing(config: GatehouseConfig): readonly Row[] {
  const { registration, tokens, renderConsentPage, introspectionClients } = config;
  return [
    ['registrations', describeLife(registration.ttlSeconds)],
    ['app schemes', registration.privateUseSchemes.join(', ') || 'none'],
    ['grants', describeLife(tokens.grantLifetimeSeconds)],
    ['consent page', renderConsentPage ? 'shown' : 'not shown'],
    ['device logins', config.deviceAuthorization ? 'on' : 'off'],
    ['introspection by', introspectionClients.map(({ id }) => id).join(', ') || 'nobody'],
    ['nonces of DPoP', config.proofNonces ? 'asked for' : 'not asked for'],
  ];
}

function describeClientAuthentication({ clientKey, clientCertificate, clientToken }: ProviderConfig): string {
  if (clientKey !== undefined) {
    return `key (${clientKey.algorithm}${clientKey.certificate === undefined ? '' : ', with its certificate'})`;
  }
  if (clientCertificate !== undefined) return `certificate ${clientCertificate.files.certFile}`;
  if (clientToken === undefined) return 'secret';
  return clientToken.source === 'file' ? `token ${clientToken.path}` : `token of ${clientToken.source}`;
}

function describeSealing(sealing: GatehouseConfig['sealing']): readonly [string, string] {
  switch (sealing.kind) {
    case 'secrets':
      return ['signing secrets', `1 active, ${sealing.secrets.length - 1} previous`];
    case 'key-file':
      return ['signing keys', `file ${sealing.path}`];
    case 'none':
      return ['signing secrets', 'none, and nothing needs one'];
  }
}

function describeStore(store: GatehouseConfig['store']): string {
  switch (store.kind) {
    case 'memory':
      return 'memory';
    case 'sqlite':
      return `sqlite ${store.path} (${store.synchronous})`;
    case 'redis':
      return `redis (${store.connection.shape}), keys ${store.keyPrefix}*`;
  }
}

function describeLife(seconds: number | undefined): string {
  if (seconds === undefined) return 'never expire';
  return `end after ${seconds % 3600 === 0 ? `${seconds / 3600}h` : `${seconds}s`}`;
}
