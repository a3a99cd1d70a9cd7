import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { TestAuthority } from '../certificates.ts';
import type { PemFolder } from '../pem-folder.ts';

/** Ends the handshake with an alert for every certificate that the authority did not sign. Node itself sends none. */
export async function startRefusingPeer(
  authority: TestAuthority,
  folder: PemFolder,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const own = authority.issue('IP:127.0.0.1');
  const files = { ca: folder.write('peer-ca.pem', authority.cert), own: folder.writePair('peer', own) };
  const words = ['s_server', '-accept', '127.0.0.1:0', '-tls1_2', '-www', '-CAfile', files.ca];
  words.push('-cert', files.own.certFile, '-key', files.own.keyFile, '-Verify', '1', '-verify_return_error');
  const child = spawn('/usr/bin/openssl', words, { stdio: ['pipe', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const port = /ACCEPT \S+:(\d+)/.exec(said)?.[1];
    if (port === undefined) continue;
    child.stdout.resume();
    return {
      port: Number(port),
      async close() {
        child.kill();
        await gone;
      },
    };
  }
  throw new Error('openssl does not listen');
}
