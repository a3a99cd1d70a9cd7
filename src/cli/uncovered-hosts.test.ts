import { describe, expect, it } from 'vitest';

import { createTestAuthority } from '../../test/support/certificates.ts';
import { soundEnvironment } from '../../test/support/configuration.ts';
import { loadConfig } from '../gateway/config/load-config.ts';
import { createNameCheck } from '../platform/tls/certificate-names.ts';
import { findUncoveredHosts } from './uncovered-hosts.ts';

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;
const upstream = 'http://127.0.0.1:9/mcp';

function complaintsAbout(names: string, mount: Readonly<Record<string, unknown>>): readonly string[] {
  const text = JSON.stringify({ mounts: [{ name: 'tenants', upstream, ...mount }] });
  const config = loadConfig({ ...environment, GATEHOUSE_CONFIG: 'g.yaml' }, () => text);
  const authority = createTestAuthority();
  const { cert } = authority.issue(names);
  authority.close();
  return findUncoveredHosts(config, createNameCheck(cert)).map(({ message }) => message.split(',')[0] ?? '');
}

describe('the certificate of the listener', () => {
  const wildcard = { url: 'https://*.mcp.test/mcp' };

  it.each([
    ['any label by a wildcard', 'DNS:gatehouse.test,DNS:*.mcp.test', wildcard],
    ['each label', 'DNS:gatehouse.test,DNS:a.mcp.test,DNS:b.mcp.test', { ...wildcard, labels: ['a', 'b'] }],
    ['the host of a mount', 'DNS:gatehouse.test,DNS:files.test', { url: 'https://files.test/mcp' }],
    ['the issuer, where the mount is', 'DNS:gatehouse.test', { url: '/mcp' }],
    ['a name that the proxy in front knows', 'DNS:gatehouse.internal', wildcard],
  ])('may name %s', (_what, names, mount) => {
    expect(complaintsAbout(names, mount)).toEqual([]);
  });

  it.each([
    ['a label', 'DNS:gatehouse.test,DNS:a.mcp.test', wildcard, '*.mcp.test'],
    ['another wildcard', 'DNS:gatehouse.test,DNS:*.test', wildcard, '*.mcp.test'],
    [
      'one of two labels',
      'DNS:gatehouse.test,DNS:a.mcp.test',
      { ...wildcard, labels: ['a', 'b'] },
      'b.mcp.test',
    ],
    ['the issuer', 'DNS:gatehouse.test', { url: 'https://files.test/mcp' }, 'files.test'],
  ])('is warned of when it names %s alone', (_what, names, mount, host) => {
    expect(complaintsAbout(names, mount)).toEqual([`the certificate of TLS_CERT_FILE is not for ${host}`]);
  });

  it('is for an address when it says so', () => {
    const authority = createTestAuthority();
    const isNamed = createNameCheck(authority.issue('IP:127.0.0.1,IP:::1').cert);
    authority.close();
    expect(['127.0.0.1', '[::1]', '127.0.0.2', 'localhost'].map(isNamed)).toEqual([true, true, false, false]);
  });
});
