import { describe, expect, it } from 'vitest';

import { createKeyring, scheduleSecrets } from '../../platform/sealing/keyring.ts';
import { createTagger, type Tagger } from '../../platform/sealing/tagger.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { createSessionBinding, type SessionBinding } from './session-binding.ts';

const resource = 'https://gatehouse.test/mcp';
const secret = 'a secret of thirty-two bytes, or of a few more';

function taggerOf(...secrets: [string, ...string[]]): Tagger {
  const keyring = createKeyring(scheduleSecrets(secrets), { clock: { nowSeconds: () => 0 } });
  return createTagger({ keyring, purpose: 'mcp-session-id', context: 'https://gatehouse.test' });
}

/** A new object each time, as for a new token. */
function grantOf(changes: Partial<GrantTerms> = {}): GrantTerms {
  return {
    grantId: 'grant',
    identityIssuer: 'https://login.test',
    subject: 'alice',
    email: undefined,
    name: undefined,
    groups: [],
    client: 'client-a' as ClientFingerprint,
    resource,
    scope: [],
    grantedAt: 0,
    absoluteEnd: 1000,
    ...changes,
  };
}

const present = (shown: string): readonly string[] => ['Accept', '*/*', 'Mcp-Session-Id', shown];
const outcomeOf = (binding: SessionBinding, shown: string, grant: GrantTerms): string =>
  binding.find(present(shown), grant).outcome;

describe('createSessionBinding (MCP 2025-11-25, "Session Management")', () => {
  const binding = createSessionBinding(resource, taggerOf(secret));
  const shown = binding.bind('upstream.session-1', grantOf(), undefined);

  it('shows the id of the upstream and a tag, of visible ASCII', () => {
    expect(shown).toMatch(/^upstream\.session-1\.[\w-]{27}$/);
  });

  it.each([
    ['another token of the grant', {}],
    ['another grant of the same person and client', { grantId: 'other' }],
    ['other groups, another name, another scope', { groups: ['g'], name: 'A', scope: ['s'] }],
  ])('knows it again with %s', (_, changes) => {
    const grant = grantOf(changes);
    expect(binding.find(present(shown), grant)).toEqual({
      outcome: 'own',
      session: { id: 'upstream.session-1', shown },
    });
    // From what is remembered, too.
    expect(outcomeOf(binding, shown, grant)).toBe('own');
  });

  it.each([
    ['another person', { subject: 'mallory' }],
    ['a person of another identity provider with the same name', { identityIssuer: 'https://other.test' }],
    ['another client of the same person', { client: 'client-b' as ClientFingerprint }],
  ])('does not know it with %s', (_, changes) => {
    const grant = grantOf(changes);
    expect(outcomeOf(binding, shown, grant)).toBe('foreign');
    expect(outcomeOf(binding, shown, grant)).toBe('foreign');
  });

  it('does not know it at another mount, or of another deployment', () => {
    const elsewhere = createSessionBinding('https://gatehouse.test/other', taggerOf(secret));
    const stranger = createSessionBinding(resource, taggerOf('another secret of thirty-two bytes or more'));

    expect(outcomeOf(elsewhere, shown, grantOf())).toBe('foreign');
    expect(outcomeOf(stranger, shown, grantOf())).toBe('foreign');
  });

  it.each([
    'upstream.session-1',
    '',
    shown.slice(0, -1),
    `${shown}A`,
    shown.replace('session-1', 'session-2'),
    shown.slice('upstream.session-1'.length),
    `${shown}, ${shown}`,
    'x'.repeat(27),
    `.${'x'.repeat(27)}`,
  ])('does not know %j', (wrong) => {
    expect(outcomeOf(binding, wrong, grantOf())).toBe('foreign');
  });

  it('says nothing of calls without a session', () => {
    expect(binding.find(['Accept', '*/*'], grantOf())).toEqual({ outcome: 'none' });
  });

  it('holds in another process, and after a new key took over', () => {
    const replica = createSessionBinding(resource, taggerOf(secret));
    const later = createSessionBinding(
      resource,
      taggerOf('a new secret of thirty-two bytes or more', secret),
    );

    expect(outcomeOf(replica, shown, grantOf())).toBe('own');
    expect(outcomeOf(later, shown, grantOf())).toBe('own');
  });

  it('shows a client the id that it has, whenever the upstream repeats it', () => {
    const later = createSessionBinding(
      resource,
      taggerOf('a new secret of thirty-two bytes or more', secret),
    );
    const known = { id: 'upstream.session-1', shown };

    expect(later.bind('upstream.session-1', grantOf(), known)).toBe(shown);
    expect(later.bind('upstream.session-2', grantOf(), known)).not.toContain(shown.slice(-27));
  });

  it('remembers a few of each token, and knows the others all the same', () => {
    const grant = grantOf();
    const ids = Array.from({ length: 100 }, (_, at) => binding.bind(`session-${at}`, grant, undefined));

    for (const id of ids) expect(outcomeOf(binding, id, grant)).toBe('own');
  });
});
