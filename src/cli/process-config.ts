import { accessSync, readFileSync, statSync } from 'node:fs';

import type { ConfigWarning, GatehouseConfig, ProviderConfig } from '../gateway/config/config.ts';
import { keyOfSetting } from '../gateway/config/provider-settings.ts';
import type { ConfigSource } from '../gateway/config-reload.ts';
import { type ConfigProblem, loadConfig } from '../gateway/config/load-config.ts';
import type { ReadFile } from '../gateway/config/read-settings.ts';
import { systemClock } from '../platform/clock.ts';
import { readRegularFile } from '../platform/files/read-regular-file.ts';
import { createNameCheck } from '../platform/tls/certificate-names.ts';
import { type PemFile, PemFileError, readAuthorities, readCertificate } from '../platform/tls/pem-files.ts';
import { KeySetError } from '../services/keys/key-set-error.ts';
import { readKeyFile } from '../services/keys/read-key-file.ts';
import { findCredentialConfigurationProblems } from './credential-configuration.ts';
import { findStorePathProblem } from './store-path.ts';
import { findUncoveredHosts } from './uncovered-hosts.ts';

/**
 * The configuration of this process, with its files looked into.
 * @throws ConfigError
 */
export function loadProcessConfig(): GatehouseConfig {
  return load((config) => [
    ...findKeyFileProblem(config),
    ...findPemProblems(config),
    ...findCredentialConfigurationProblems(config, (path) => readFileSync(path, 'utf8')),
  ]);
}

/** The configuration, and every file that it names but keys and certificates, is smaller. */
const maxFileBytes = 4_194_304;

/**
 * The same for a server, which also has to be able to make its store, and may read it again. At the start a file may be a
 * pipe, as shells make them for what another program says; later it would keep waiting everybody who is served.
 */
export function createServerConfigSource(): ConfigSource {
  let isServing = false;
  let files: string[] = [];
  const examine = (config: GatehouseConfig): ConfigProblem[] => [
    ...findKeyFileProblem(config),
    ...findPemProblems(config),
    ...findCredentialConfigurationProblems(config, (path) => readRegularFile(path, maxFileBytes).text),
    ...findStoreProblem(config),
  ];
  return {
    load() {
      files = [];
      const readFile = (path: string): string => {
        files.push(path);
        return isServing ? readRegularFile(path, maxFileBytes).text : readFileSync(path, 'utf8');
      };
      const config = load(examine, readFile);
      isServing = true;
      return config;
    },
    filesRead: () => files,
  };
}

function load(
  examine: (config: GatehouseConfig) => readonly ConfigProblem[],
  readFile: ReadFile = (path) => readFileSync(path, 'utf8'),
): GatehouseConfig {
  return loadConfig(process.env, readFile, {
    nodeVersion: process.version,
    examine,
    warn: findCertificateWarnings,
  });
}

/** The certificate can be read: that it cannot is a problem. */
function findCertificateWarnings(config: GatehouseConfig): readonly ConfigWarning[] {
  if (config.certificate === undefined) return [];
  const { cert } = readCertificate(config.certificate, systemClock.nowSeconds());
  return findUncoveredHosts(config, createNameCheck(cert));
}

function findKeyFileProblem({ sealing, productionMode }: GatehouseConfig): ConfigProblem[] {
  if (sealing.kind !== 'key-file') return [];
  try {
    readKeyFile(sealing.path, { now: systemClock.nowSeconds(), refuseExposed: productionMode });
    return [];
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error;
    return [{ variable: 'SIGNING_KEYS_FILE', problem: error.problem, fix: error.fix }];
  }
}

/** What is wrong with the certificates, of each use the first that there is. */
function findPemProblems({ certificate, mounts, file, identityProviders }: GatehouseConfig): ConfigProblem[] {
  const now = systemClock.nowSeconds();
  const ofListener = findPemProblem(ofTls, () => certificate && readCertificate(certificate, now));
  const ofMounts = mounts.flatMap(({ upstream: { tls } }, index) => {
    const names = file === undefined ? ofUpstream : namesOfMount(index);
    return [
      ...findPemProblem(names, () => tls.caFile && readAuthorities(tls.caFile)),
      ...findPemProblem(names, () => tls.certificate && readCertificate(tls.certificate, now)),
    ];
  });
  const ofProviders = identityProviders.flatMap((provider, index) => {
    const nameOf = (variable: string): string =>
      isOneOfFile(file) ? `identity_providers[${index}].${keyOfSetting(variable)}` : variable;
    return findClientPemProblems(provider, nameOf);
  });
  return [...ofListener, ...ofMounts, ...ofProviders];
}

/** Whether the file describes identity providers: variables may not do so then, and one of them is always set otherwise. */
function isOneOfFile(file: GatehouseConfig['file']): boolean {
  const id = process.env['OIDC_CLIENT_ID'] || file?.settings['OIDC_CLIENT_ID'];
  return file !== undefined && id === undefined;
}

/** Of the certificates by which an identity provider knows this server. @param nameOf where a variable is written */
function findClientPemProblems(
  { clientCertificate, clientKey }: ProviderConfig,
  nameOf: (variable: string) => string,
): ConfigProblem[] {
  const now = systemClock.nowSeconds();
  const names: PemNames = {
    certificate: nameOf('OIDC_CLIENT_CERT_FILE'),
    key: nameOf('OIDC_CLIENT_CERT_KEY_FILE'),
    authorities: '',
  };
  const isOver = (clientKey?.certificate?.expiresAt ?? Infinity) <= now;
  return [
    ...findPemProblem(names, () => clientCertificate && readCertificate(clientCertificate.files, now)),
    ...(isOver
      ? [
          {
            variable: nameOf('OIDC_CLIENT_KEY'),
            problem: 'has a certificate beside it that has expired',
            fix: 'renew it, and register the new one with the provider',
          },
        ]
      : []),
  ];
}

/** Where each of the files is named. */
type PemNames = Readonly<Record<PemFile, string>>;

const ofTls: PemNames = { certificate: 'TLS_CERT_FILE', key: 'TLS_KEY_FILE', authorities: '' };
const ofUpstream: PemNames = {
  certificate: 'UPSTREAM_CLIENT_CERT_FILE',
  key: 'UPSTREAM_CLIENT_KEY_FILE',
  authorities: 'UPSTREAM_CA_FILE',
};

function namesOfMount(index: number): PemNames {
  const tls = `mounts[${index}].tls`;
  return {
    certificate: `${tls}.certificate_file`,
    key: `${tls}.key_file`,
    authorities: `${tls}.ca_file`,
  };
}

function findPemProblem(names: PemNames, read: () => unknown): ConfigProblem[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof PemFileError)) throw error;
    const { file, problem, fix } = error;
    return [{ variable: names[file], problem: `names a file that ${problem}`, fix }];
  }
}

function findStoreProblem({ store }: GatehouseConfig): ConfigProblem[] {
  if (store.kind !== 'sqlite') return [];
  const problem = findStorePathProblem(store.path, { stat: statSync, access: accessSync });
  return problem === undefined ? [] : [problem];
}
