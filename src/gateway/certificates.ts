import type { Clock } from '../platform/clock.ts';
import type { ClientTls } from '../platform/http1/dial.ts';
import { Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import {
  type Certificate,
  type CertificateFiles,
  type PemFileError,
  readAuthorities,
  readCertificate,
} from '../platform/tls/pem-files.ts';
import { watchPemFiles } from '../platform/tls/pem-watch.ts';
import type { CertificateUse, Emit } from '../services/audit/events.ts';
import type { MountConfig } from './config/config.ts';

/** Certificates that are read again when their files change. */
export interface LiveCertificates<Value> {
  /** What is in force now. */
  current(): Value;
  /** Epoch seconds; undefined when there is no certificate of ours among them. */
  expiresAt(): number | undefined;
  /** Reads the files now. */
  reload(): void;
  close(): void;
}

export interface CertificatesDeps<Value> {
  readonly clock: Pick<Clock, 'nowSeconds'>;
  readonly emit: Emit;
  readonly onChange: (value: Value) => void;
}

/** @throws PemFileError when a file is not acceptable at the start */
export function openListenerCertificate(
  files: CertificateFiles,
  deps: CertificatesDeps<Certificate>,
): LiveCertificates<Certificate> {
  return openOwn('listener', files, deps);
}

/** Shown to an identity provider. @throws PemFileError when a file is not acceptable at the start */
export function openProviderCertificate(
  files: CertificateFiles,
  deps: CertificatesDeps<Certificate>,
): LiveCertificates<Certificate> {
  return openOwn('identity_provider', files, deps);
}

/** @throws PemFileError when a file is not acceptable at the start */
export function openUpstreamTls(
  { caFile, certificate }: MountConfig['upstream']['tls'],
  deps: CertificatesDeps<ClientTls>,
): LiveCertificates<ClientTls> | undefined {
  const files = [caFile, certificate?.certFile, certificate?.keyFile].filter((path) => path !== undefined);
  if (files.length === 0) return undefined;
  return open<ClientTls & Partial<Certificate>>('upstream', {
    ...deps,
    files,
    read: () => ({
      ...(caFile === undefined ? {} : { ca: [readAuthorities(caFile)] }),
      ...(certificate === undefined ? {} : readCertificate(certificate, deps.clock.nowSeconds())),
    }),
  });
}

function openOwn(
  use: CertificateUse,
  files: CertificateFiles,
  deps: CertificatesDeps<Certificate>,
): LiveCertificates<Certificate> {
  return open<Certificate>(use, {
    ...deps,
    files: [files.certFile, files.keyFile],
    read: () => readCertificate(files, deps.clock.nowSeconds()),
  });
}

interface OpenDeps<Value> extends CertificatesDeps<Value> {
  readonly files: readonly string[];
  readonly read: () => Value;
}

function open<Value extends Partial<Certificate>>(
  use: CertificateUse,
  { files, read, emit, onChange }: OpenDeps<Value>,
): LiveCertificates<Value> {
  const watch = watchPemFiles<Value>({
    files,
    read,
    onChange(value) {
      onChange(value);
      current = value;
      emit({ type: 'certificate_reloaded', use }, undefined);
    },
    onRefused: ({ file, fault }: PemFileError) =>
      emit({ type: 'certificate_reload_refused', use, file, fault }, undefined),
  });
  let current = watch.first;
  return {
    current: () => current,
    expiresAt: () => current.expiresAt,
    reload: () => watch.check(),
    close: () => watch.close(),
  };
}

/** Shows until when our certificates hold, those of them that there are. */
export function observeExpiry(
  registry: Registry,
  certificates: Readonly<Record<CertificateUse, () => number | undefined>>,
): void {
  const gauge = new Gauge({
    name: 'gatehouse_tls_certificate_expires_timestamp_seconds',
    help: 'When the certificate expires that is shown to clients (listener), or the first of those shown to upstreams or identity providers',
    labelNames: ['use'],
    // The worker that is behind is the one to worry about.
    aggregator: 'min',
    registers: [registry],
    collect: () => {
      // Mounts come and go, and their certificates with them.
      gauge.reset();
      for (const use of ['listener', 'upstream', 'identity_provider'] as const) {
        const end = certificates[use]();
        if (end !== undefined) gauge.set({ use }, end);
      }
    },
  });
}
