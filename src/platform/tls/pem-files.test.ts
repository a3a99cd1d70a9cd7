import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';

import { createTestAuthority } from '../../../test/support/certificates.ts';
import { createPemFolder } from '../../../test/support/pem-folder.ts';
import { PemFileError, readAuthorities, readCertificate } from './pem-files.ts';

const authority = createTestAuthority();
const files = createPemFolder();
const pair = authority.issue('DNS:gatehouse.test');
const other = authority.issue('DNS:gatehouse.test');
const now = Date.now() / 1000;

afterAll(() => {
  authority.close();
  files.remove();
});

function failureOf(read: () => unknown): PemFileError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof PemFileError) return error;
    throw error;
  }
}

const encrypted = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' },
}).privateKey;

describe('readCertificate', () => {
  it('reads a certificate with its chain and its key, and until when it holds', () => {
    const paths = files.writePair('good', { ...pair, cert: pair.cert + authority.cert });
    const { cert, key, expiresAt } = readCertificate(paths, now);
    expect({ cert, key }).toEqual({ cert: pair.cert + authority.cert, key: pair.key });
    expect(expiresAt - now).toBeGreaterThan(86_400);
    expect(expiresAt - now).toBeLessThan(3 * 86_400);
  });

  it('takes both out of one file', () => {
    const path = files.write('both.pem', pair.key + pair.cert);
    expect(failureOf(() => readCertificate({ certFile: path, keyFile: path }, now))).toBeUndefined();
  });

  it.each([
    ['a certificate that is not there', { cert: undefined }, 'certificate', 'unreadable'],
    ['a key that is not there', { key: undefined }, 'key', 'unreadable'],
    ['an empty certificate', { cert: '' }, 'certificate', 'malformed'],
    [
      'a certificate with rubbish in it',
      { cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      'certificate',
      'malformed',
    ],
    [
      'rubbish in the chain',
      { cert: `${pair.cert}${pair.cert.slice(0, 200)}\n-----END CERTIFICATE-----\n` },
      'certificate',
      'malformed',
    ],
    ['a key that is none', { key: 'canary' }, 'key', 'malformed'],
    ['a key that needs a passphrase', { key: encrypted }, 'key', 'encrypted'],
    ['the key of another certificate', { key: other.key }, 'key', 'mismatched'],
    ['a chain that begins with the authority', { cert: authority.cert + pair.cert }, 'key', 'mismatched'],
  ] as const)('refuses %s', (_what, change, file, fault) => {
    const { cert, key } = { ...pair, ...change };
    const certFile = cert === undefined ? files.path('none') : files.write('bad.crt', cert);
    const keyFile = key === undefined ? files.path('none') : files.write('bad.key', key);
    const failure = failureOf(() => readCertificate({ certFile, keyFile }, now));
    expect(failure).toMatchObject({ file, fault });
    expect(`${failure?.message} ${failure?.fix}`).not.toContain('canary');
  });

  it('refuses a certificate that has expired, and says when', () => {
    const failure = failureOf(() => readCertificate(files.writePair('old', pair), now + 10 * 86_400));
    expect(failure).toMatchObject({ file: 'certificate', fault: 'expired' });
    expect(failure?.problem).toMatch(/^expired on 20\d\d-\d\d-\d\d$/);
  });
});

describe('readAuthorities', () => {
  it('reads several', () => {
    const text = authority.cert + authority.cert;
    expect(readAuthorities(files.write('ca.pem', text))).toBe(text);
  });

  it.each([
    ['what is no certificate', pair.key, 'malformed'],
    ['nothing', '', 'malformed'],
  ] as const)('refuses %s', (_what, text, fault) => {
    const path = files.write('bad-ca.pem', text);
    expect(failureOf(() => readAuthorities(path))).toMatchObject({ file: 'authorities', fault });
  });
});
