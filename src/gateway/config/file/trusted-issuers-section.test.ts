import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../../test/support/configuration.ts';

const changes = { GATEHOUSE_CONFIG: 'gatehouse.yaml', UPSTREAM_MCP_URL: undefined };
const issuer = 'https://login.test/realms/main';

function fileWith(issuers: unknown): Record<string, string> {
  const mounts = [
    { name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp' },
    { name: 'search', url: 'https://search.test/mcp', upstream: 'http://127.0.0.1:3001/mcp' },
  ];
  return { 'gatehouse.yaml': JSON.stringify({ mounts, trusted_issuers: issuers }) };
}

const complaints = (entry: object, ...more: object[]): readonly string[] =>
  problemsOf(changes, fileWith([{ issuer, clients: ['agent'], ...entry }, ...more])).map(
    ({ variable, problem }) => `${variable} ${problem}`,
  );

describe('trusted_issuers', () => {
  it('are nobody by default', () => {
    expect(load().trustedIssuers).toEqual([]);
  });

  it('have their mounts as resources, and a key set by discovery unless it is named', () => {
    const { trustedIssuers, warnings } = load(
      changes,
      fileWith([{ issuer, clients: ['agent', 'https://client.example/id'], mounts: ['search'] }]),
    );
    expect(trustedIssuers).toEqual([
      {
        issuer,
        jwksUri: undefined,
        clients: ['agent', 'https://client.example/id'],
        resources: ['https://search.test/mcp'],
        groupsClaim: 'groups',
        trustUnverifiedEmail: false,
        // It is where people log in.
        requiredClaims: {},
        inheritsGroups: false,
      },
    ]);
    expect(warnings.map(({ event }) => event)).not.toContain('trusted_issuer_foreign');
  });

  it('are warned about when they are not where people log in', () => {
    const other = [{ issuer: 'https://other.test', clients: ['agent'] }];
    const { warnings } = load(changes, fileWith(other));
    expect(warnings.map(({ event }) => event)).toContain('trusted_issuer_foreign');
  });

  it.each([
    [{ issuer: 'http://login.test' }, 'trusted_issuers[0].issuer is http on a host that is not loopback'],
    [{ issuer: 'https://login.test?x' }, 'trusted_issuers[0].issuer has a query or a fragment'],
    [{ jwks_uri: 'login.test/keys' }, 'trusted_issuers[0].jwks_uri is not an http or https URL'],
    [{ mounts: ['files', 'others'] }, 'trusted_issuers[0].mounts[1] is no mount'],
    [{ trust: true }, 'trusted_issuers[0].trust is no key that is known here'],
  ])('refuse %j', (entry, complaint) => {
    expect(complaints(entry)).toEqual([complaint]);
  });

  it('refuse one without clients, and the same issuer twice', () => {
    expect(complaints({ clients: [] })).toHaveLength(1);
    expect(complaints({ clients: undefined })).toEqual(['trusted_issuers[0].clients is missing']);
    expect(complaints({}, { issuer, clients: ['agent'] })).toEqual([
      'trusted_issuers[1].issuer is there twice',
    ]);
  });
});
