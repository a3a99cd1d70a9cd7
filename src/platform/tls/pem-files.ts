import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

import { readRegularFile } from '../files/read-regular-file.ts';
import { describeUnreadable } from '../files/unreadable-file.ts';

/** Which of the files is not acceptable, and why; for events and metrics. */
export type PemFile = 'certificate' | 'key' | 'authorities';
export type PemFault = 'unreadable' | 'malformed' | 'encrypted' | 'mismatched' | 'expired' | 'refused';

/** Something is wrong with a PEM file. Nothing of its text is in it. */
export class PemFileError extends Error {
  readonly file: PemFile;
  readonly fault: PemFault;
  /** What is wrong, to be read after the file's name: `has no certificate in it`. */
  readonly problem: string;
  /** What to do about it. */
  readonly fix: string;

  constructor(file: PemFile, fault: PemFault, words: { readonly problem: string; readonly fix: string }) {
    super(`the file of the ${file} ${words.problem}`);
    this.name = 'PemFileError';
    this.file = file;
    this.fault = fault;
    this.problem = words.problem;
    this.fix = words.fix;
  }
}

export interface CertificateFiles {
  /** The certificate itself first, then those that vouch for it. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate with its chain and its key, PEM, fit to be shown. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/**
 * Reads a certificate and its key, and finds out whether they can be used together.
 * @param now epoch seconds: one that has expired is good for nothing
 * @throws PemFileError
 */
export function readCertificate({ certFile, keyFile }: CertificateFiles, now: number): Certificate {
  const cert = readText('certificate', certFile);
  const [own] = parseCertificates('certificate', cert);
  const key = readText('key', keyFile);
  if (!own.checkPrivateKey(parseKey(key))) {
    throw new PemFileError('key', 'mismatched', {
      problem: 'is not the key of the first certificate in the other file',
      fix: 'name the key that belongs to it; put its own certificate first, and those that vouch for it after it',
    });
  }
  const expiresAt = Math.floor(own.validToDate.getTime() / 1000);
  if (expiresAt <= now) {
    const problem = `expired on ${own.validToDate.toISOString().slice(0, 10)}`;
    throw new PemFileError('certificate', 'expired', { problem, fix: 'renew it' });
  }
  tryOut({ cert, key });
  return { cert, key, expiresAt };
}

/**
 * Reads the certificates of authorities, PEM.
 * @throws PemFileError
 */
export function readAuthorities(path: string): string {
  const text = readText('authorities', path);
  parseCertificates('authorities', text);
  return text;
}

/** All authorities of an operating system are a quarter of it. */
const maxFileBytes = 1_048_576;

function readText(file: PemFile, path: string): string {
  try {
    return readRegularFile(path, maxFileBytes).text;
  } catch (error) {
    const { what, fix } = describeUnreadable(error);
    throw new PemFileError(file, 'unreadable', { problem: what, fix });
  }
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function parseCertificates(file: PemFile, text: string): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = text.match(certificateBlock) ?? [];
  const fix = 'give certificates in PEM, each between BEGIN CERTIFICATE and END CERTIFICATE';
  if (first === undefined) {
    throw new PemFileError(file, 'malformed', { problem: 'has no certificate in it', fix });
  }
  try {
    return [new X509Certificate(first), ...others.map((each) => new X509Certificate(each))];
  } catch {
    throw new PemFileError(file, 'malformed', { problem: 'has a certificate that cannot be read', fix });
  }
}

function parseKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    if (/ENCRYPTED/.test(text)) {
      const fix = 'write it without a passphrase: openssl pkey -in the-key -out another-file';
      throw new PemFileError('key', 'encrypted', { problem: 'is encrypted', fix });
    }
    const fix = 'give the private key in PEM';
    throw new PemFileError('key', 'malformed', { problem: 'has no private key that can be read', fix });
  }
}

/** What can be read may still be too weak to be shown. */
function tryOut(pair: { readonly cert: string; readonly key: string }): void {
  try {
    createSecureContext(pair);
  } catch {
    throw new PemFileError('certificate', 'refused', {
      problem: 'is not taken by OpenSSL, for instance since its key is too short',
      fix: 'use RSA with 2048 bits or more, or an elliptic curve',
    });
  }
}
