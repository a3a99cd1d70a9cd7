import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority that nobody else knows. PEM, good for two days. */
export interface TestAuthority {
  readonly cert: string;
  /** @param name as in a certificate: `DNS:upstream.example`, `IP:127.0.0.1` */
  issue(name: string, subject?: string): KeyPair;
  close(): void;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function createTestAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'));
  const openssl = (...words: string[]): void => {
    execFileSync('/usr/bin/openssl', words, { cwd: folder, stdio: 'ignore' });
  };
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const own = ['-subj', '/CN=test authority', '-days', '2'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', ...own);
  return {
    cert: read('ca.crt'),
    issue(name, subject = '/CN=leaf') {
      openssl('req', ...newKey, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', subject);
      writeFileSync(join(folder, 'names'), `subjectAltName=${name}\n`);
      const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
      openssl('x509', '-req', '-in', 'leaf.csr', '-out', 'leaf.crt', ...signing, '-extfile', 'names');
      return { key: read('leaf.key'), cert: read('leaf.crt') };
    },
    close() {
      rmSync(folder, { recursive: true });
    },
  };
}

/** A certificate that nobody vouches for. PEM, good for two days. @param key as `openssl req -newkey` takes it */
export function createSelfSigned(key: 'rsa:2048' | 'ec' = 'ec'): KeyPair {
  const folder = mkdtempSync(join(tmpdir(), 'self-signed-'));
  const kind = key === 'ec' ? newKey : ['-newkey', key, '-nodes'];
  const words = ['req', '-x509', ...kind, '-keyout', 'key', '-out', 'cert', '-subj', '/CN=gatehouse'];
  execFileSync('/usr/bin/openssl', [...words, '-days', '2'], { cwd: folder, stdio: 'ignore' });
  const pair = {
    key: readFileSync(join(folder, 'key'), 'utf8'),
    cert: readFileSync(join(folder, 'cert'), 'utf8'),
  };
  rmSync(folder, { recursive: true });
  return pair;
}
