import { describe, expect, it } from 'vitest';

import { computeCodeChallenge } from '../../protocol/pkce.ts';
import type { VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import { noScopes, type ScopeRules } from '../../services/resources/resource.ts';
import { type ConsentPage, renderConsentPage } from './consent-page.ts';

interface Shown {
  readonly clientName?: string | undefined;
  readonly redirectUri?: string;
  readonly scope?: readonly string[];
  readonly page?: Partial<ConsentPage>;
}

const scopes: ScopeRules = {
  declared: [
    { name: 'read', description: 'Read <your> files', includes: [] },
    { name: 'write', description: undefined, includes: ['read'] },
  ],
  defaults: ['read'],
  required: ['read'],
};

function textOf(shown: Shown = {}): Promise<string> {
  return renderConsentPage({
    transaction: {
      stage: 'awaiting-consent',
      transactionId: 'txn',
      terms: {
        client: fingerprintClientId('client-a'),
        redirectUri: (shown.redirectUri ?? 'https://client.example/callback') as VerifiedRedirectUri,
        state: 'state',
        codeChallenge: computeCodeChallenge('v'.repeat(43)),
        resource: 'https://gatehouse.test/mcp',
        reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
        scope: shown.scope ?? [],
      },
      clientName: 'clientName' in shown ? shown.clientName : 'Client',
      consentHash: 'hash',
      expiresAt: 0,
    },
    consentToken: 'mgh_cs_token',
    resourceName: 'Handbook',
    identityProviders: [
      { name: 'main', title: 'Main', issuer: 'https://login.test:8443/realm', scopes: ['openid', 'email'] },
    ],
    scopes: noScopes,
    notice: undefined,
    cookies: [],
    ...shown.page,
  }).text();
}

describe('consent page (MCP security best practices, "Consent UI Requirements")', () => {
  it('names who asks, where the answer goes, for what, and what comes next', async () => {
    const text = await textOf({ scope: ['read', 'write'] });

    expect(text).toContain('<bdi class="name">Client</bdi>');
    expect(text).toContain('unverified — chosen by the application itself');
    expect(text).toContain('<strong>https://client.example</strong>/callback');
    expect(text).toContain('Handbook');
    expect(text).toContain('https://gatehouse.test/mcp');
    expect(text).toContain('<code>openid email</code>');
    expect(text).toContain('<bdi>login.test:8443</bdi>');
  });

  it('says that no scopes means everything', async () => {
    expect(await textOf()).toContain('No scopes');
  });

  it('lets the person choose among the permissions, and says what they are', async () => {
    const text = await textOf({ scope: ['read', 'write', 'offline_access'], page: { scopes } });
    const boxes = [...text.matchAll(/<input\s[^>]*type="checkbox"[^>]*>/g)].map(([tag]) => tag);

    expect(boxes).toHaveLength(2);
    for (const box of boxes) {
      expect(box).toMatch(/\bchecked\b/);
      expect(box).toContain('form="decision"');
      expect(box).toContain('name="scope"');
    }
    expect(boxes[0]).toContain('disabled');
    expect(boxes[1]).not.toContain('disabled');
    expect(text).toContain('Read &lt;your&gt; files');
    expect(text).toContain('needed for any use');
    expect(text).not.toContain('offline_access');
  });

  it('says what comes with a wider permission, but for what every call needs', async () => {
    const voluntary = { ...scopes, required: [] };
    const note = 'with it: Read &lt;your&gt; files';

    expect(await textOf({ scope: ['write'], page: { scopes: voluntary } })).toContain(note);
    expect(await textOf({ scope: ['read', 'write'], page: { scopes: voluntary } })).toContain(note);
    expect(await textOf({ scope: ['write'], page: { scopes } })).not.toContain('with it');
  });

  it('says that no permission is asked for where there are some', async () => {
    expect(await textOf({ scope: ['offline_access'], page: { scopes } })).toContain('None of those');
  });

  it('says that an approval without permissions is none', async () => {
    const again = { notice: 'nothing-chosen', scopes: { ...scopes, required: [] } } as const;
    const text = await textOf({ scope: ['read', 'write'], page: again });
    expect(text).toContain('Choose at least one, or deny');
    // As the person left them.
    expect(text).not.toMatch(/\bchecked\b/);
  });

  it('calls a nameless client that', async () => {
    const text = await textOf({ clientName: undefined });

    expect(text).toContain('an application without a name');
    expect(text).not.toContain('chosen by the application itself');
  });

  it('warns of a name in letters that imitate others, and of no other name', async () => {
    expect(await textOf({ clientName: 'Cl\u0430ude' })).toContain('mixes letters');
    expect(await textOf({ clientName: 'Claude' })).not.toContain('mixes letters');
    expect(await textOf({ clientName: 'Клод' })).not.toContain('mixes letters');
  });

  it.each(['http://127.0.0.1:49152/cb', 'http://[::1]:1/cb', 'http://localhost/cb'])(
    'warns that %s is a program on this device',
    async (redirectUri) => {
      expect(await textOf({ redirectUri })).toContain('application on this device, and any program');
    },
  );

  it('warns that a private-use scheme is whoever opens its links', async () => {
    const text = await textOf({ redirectUri: 'cursor://anysphere.cursor-mcp/oauth/callback' });

    expect(text).toContain('<strong>cursor:</strong> links');
    expect(text).toContain('<strong>cursor:</strong>//anysphere.cursor-mcp/oauth/callback');
  });

  it('does not warn of a web address', async () => {
    expect(await textOf()).not.toContain('class="warning"');
  });

  it('shows the longest redirect URI whole', async () => {
    const redirectUri = `https://claude.ai.${'a'.repeat(60)}.evil.example:8443/${'x'.repeat(400)}`;
    const rest = redirectUri.slice(redirectUri.indexOf('/xxx'));

    const text = await textOf({ redirectUri });

    expect(text).toContain(`<strong>${redirectUri.slice(0, -rest.length)}</strong>${rest}`);
  });

  it('escapes the name', async () => {
    const text = await textOf({ clientName: `</title><svg onload="x">'&` });

    expect(text).toContain('&lt;/title&gt;&lt;svg onload=&quot;x&quot;&gt;&#39;&amp;');
    expect(text).not.toContain('<svg');
  });

  it('posts nothing but the sealed transaction and the answer, Deny first', async () => {
    const text = await textOf();
    const form = /<form.*<\/form>/s.exec(text)?.[0] ?? '';

    expect(form).toContain('method="post" action="/consent"');
    expect([...form.matchAll(/name="(\w+)"/g)].map((match) => match[1])).toEqual([
      'consent_token',
      'action',
      'action',
    ]);
    expect(form.indexOf('value="deny"')).toBeLessThan(form.indexOf('value="approve"'));
  });

  it('arms Approve by style alone, after a moment', async () => {
    const text = await textOf();

    expect(text).toMatch(
      /<div class="arming" data-label="Approve">\s*<button class="primary"[^>]*value="approve"/,
    );
    expect(text).toMatch(/\.arming button \{[^}]*animation: arm 0\.8s/);
    expect(text).not.toContain('<script');
  });

  it('says when the form was answered before', async () => {
    expect(await textOf()).not.toContain('answered already');
    expect(await textOf({ page: { notice: 'answered-before' } })).toContain('answered already');
  });
});
