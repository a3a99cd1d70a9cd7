import { describe, expect, it } from 'vitest';

import { OAuthError } from './oauth-error.ts';
import {
  describeRedirectUri,
  findRedirectUriProblem,
  isAllowableScheme,
  matchRedirectUri,
  maxRedirectUriBytes,
  parseRedirectUri,
} from './redirect-uri.ts';

const rules = { privateUseSchemes: ['cursor', 'com.example.app'] };

describe('parseRedirectUri (OAuth 2.1 §2.3, RFC 8252)', () => {
  it.each([
    'https://client.example/callback',
    'https://client.example',
    'https://client.example/',
    'https://client.example?a=b',
    'https://client.example:8443/callback?a=b&c=d',
    'https://xn--bcher-kva.example/callback',
    'https://client.example/a%20b/%2F?q=%E2%9C%93',
    'https://192.0.2.1/callback',
    'https://[2001:db8::1]/callback',
    'https://localhost/callback',
    'https://client.example/users/a@b.example',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:33418/',
    'http://localhost',
    'http://localhost:3118/callback?x=1',
    'http://[::1]:5000/callback',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'com.example.app:/oauth2redirect',
    'com.example.app:callback',
    `https://client.example/${'x'.repeat(maxRedirectUriBytes - 'https://client.example/'.length)}`,
  ])('accepts %s as it is', (uri) => {
    expect(parseRedirectUri(uri, rules)).toBe(uri);
  });

  it.each([
    // parsers disagree
    '',
    ' ',
    'callback',
    '/callback',
    '//client.example/callback',
    'client.example/callback',
    'https:client.example/callback',
    'https:/client.example/callback',
    'https:///client.example/callback',
    'https://',
    'https://?a=b',
    String.raw`https:\\client.example\callback`,
    String.raw`https://client.example\@evil.example/callback`,
    String.raw`https://client.example/\evil.example`,
    ' https://client.example/callback',
    'https://client.example/callback ',
    '\thttps://client.example/callback',
    'ht\ntps://client.example/callback',
    'https://client.example/call\nback',
    'https://client.example/call\u0000back',
    'https://client.example/call\u007fback',
    'https://cli\u00adent.example/callback',
    'https://client\uff0eexample/callback',
    'https://b\u00fccher.example/callback',
    'https://client.example/\u2713',
    'https://client.example/a b',
    'https://client.example/<svg>',
    'https://client.example/"x',
    'https://client.example/`x`',
    'https://client.example/{x}',
    'https://client.example/a^b',
    "https://client.example/?q='x'",
    // not in normal form
    'HTTPS://client.example/callback',
    'https://CLIENT.example/callback',
    'https://client.example:443/callback',
    'https://client.example:/callback',
    'https://client.example:0443/callback',
    'https://client.example:99999/callback',
    'https://client.example:x/callback',
    'https://client.example/a/../callback',
    'https://client.example/./callback',
    'https://client.example/a/%2e%2e/callback',
    'https://cl%69ent.example/callback',
    'https://192.0.2.01/callback',
    'https://3221225985/callback',
    'https://[2001:DB8::1]/callback',
    'https://[2001:db8:0::1]/callback',
    'https://client.example/%',
    'https://client.example/%2',
    'https://client.example/%zz',
    // user information
    'https://user@client.example/callback',
    'https://user:secret@client.example/callback',
    'https://@client.example/callback',
    'https://client.example:443@evil.example/callback',
    'https://claude.ai%40evil.example@evil.example/',
    'cursor://user@host/callback',
    // fragments
    'https://client.example/callback#',
    'https://client.example/callback#x',
    'cursor://x/callback#',
    // plain http beyond the three spellings of loopback
    'http://client.example/callback',
    'http://127.0.0.2/callback',
    'http://127.1/callback',
    'http://2130706433/callback',
    'http://0x7f.1/callback',
    'http://0177.0.0.1/callback',
    'http://127.0.0.1./callback',
    'http://0.0.0.0/callback',
    'http://[::]/callback',
    'http://[::ffff:127.0.0.1]/callback',
    'http://[0:0:0:0:0:0:0:1]/callback',
    'http://[::1%25lo]/callback',
    'http://localhost./callback',
    'http://LOCALHOST/callback',
    'http://x.localhost/callback',
    'http://localhost.evil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://localhost@evil.example/callback',
    'http://localhost:80@evil.example/callback',
    'http://localhost:80/callback',
    'http://localtest.me/callback',
    'http:/localhost/callback',
    'http:localhost/callback',
    // schemes that are never a client
    'javascript:alert(1)',
    'javascript://client.example/%0aalert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'filesystem:https://client.example/x',
    'blob:https://client.example/x',
    'about:blank',
    'view-source:https://client.example/',
    'intent://x#Intent;end',
    'intent://x/callback',
    'android-app://com.example/',
    'ws://client.example/',
    'wss://client.example/',
    'ftp://client.example/',
    'mailto:x@client.example',
    'tel:123',
    'chrome-extension://x/callback',
    'urn:ietf:wg:oauth:2.0:oob',
    'CURSOR://x/callback',
    // names an authorization response carries
    'https://client.example/callback?code=x',
    'https://client.example/callback?a=b&state=x',
    'https://client.example/callback?iss',
    'https://client.example/callback?error=x',
    'https://client.example/callback?error_description=x',
    'https://client.example/callback?%63ode=x',
    'https://client.example/callback?response=x',
    'cursor://x/callback?code=x',
    `https://client.example/${'x'.repeat(maxRedirectUriBytes)}`,
  ])('refuses %j, and the whole registration with it', (uri) => {
    expect(findRedirectUriProblem(uri, rules)).toMatchObject({ harmless: false });
    expect(() => parseRedirectUri(uri, rules)).toThrow(OAuthError);
    expect(() => parseRedirectUri(uri, rules)).toThrow(
      expect.objectContaining({ code: 'invalid_redirect_uri', reason: 'redirect_uri_invalid', status: 400 }),
    );
  });

  it.each(['myapp:/callback', 'vscode://x/callback', 'com.example:/callback', 'com.example.app2://x'])(
    'refuses %s, though it harms nobody to leave it out',
    (uri) => {
      expect(findRedirectUriProblem(uri, rules)?.harmless).toBe(true);
      expect(() => parseRedirectUri(uri, rules)).toThrow(OAuthError);
    },
  );

  it('never repeats the URI in what it tells a stranger', () => {
    for (const uri of [
      'https://secret.example/#x',
      'http://secret.example/',
      'https://secret.example?code=1',
    ]) {
      expect(findRedirectUriProblem(uri, rules)?.text).not.toContain('secret');
    }
  });
});

describe('isAllowableScheme', () => {
  it.each(['cursor', 'com.example.app', 'vscode-insiders', 'a+b'])('allows %s', (scheme) => {
    expect(isAllowableScheme(scheme)).toBe(true);
  });

  it.each([
    '',
    'http',
    'https',
    'javascript',
    'data',
    'file',
    'intent',
    'ws',
    'Cursor',
    '1x',
    'cursor:',
    'a/b',
    'a b',
    '*',
  ])('refuses %j, whatever the operator says', (scheme) => {
    expect(isAllowableScheme(scheme)).toBe(false);
  });

  it('keeps dangerous schemes out even when they are on the list', () => {
    const careless = { privateUseSchemes: ['javascript', 'data', 'http', 'file'] };
    for (const uri of [
      'javascript:alert(1)',
      'data:text/html,x',
      'http://evil.example/',
      'file:///etc/passwd',
    ]) {
      expect(findRedirectUriProblem(uri, careless)).toMatchObject({ harmless: false });
    }
  });
});

describe('matchRedirectUri (OAuth 2.1 §2.3.1)', () => {
  const registered = [
    'https://client.example/callback',
    'https://client.example/with?query=1',
    'http://127.0.0.1/callback',
    'http://localhost:8787/callback?x=1',
    'http://[::1]:1/',
    'http://localhost',
    'cursor://x/callback',
  ].map((uri) => parseRedirectUri(uri, rules));

  it.each(registered)('finds %s, byte for byte', (uri) => {
    expect(matchRedirectUri(uri, registered)).toBe(uri);
  });

  it.each([
    'http://127.0.0.1:1/callback',
    'http://127.0.0.1:65535/callback',
    'http://localhost/callback?x=1',
    'http://localhost:54321/callback?x=1',
    'http://[::1]/',
    'http://[::1]:40000/',
    'http://localhost:9000',
  ])('finds the loopback URI %s on any port (RFC 8252 §7.3)', (uri) => {
    expect(matchRedirectUri(uri, registered)).toBe(uri);
  });

  it.each([
    '',
    'https://client.example/callback/',
    'https://client.example/callbac',
    'https://client.example/callback2',
    'https://client.example/callback/../evil',
    'https://client.example/callback?',
    'https://client.example/callback?x=1',
    'https://client.example/callback#',
    'https://client.example/callback#x',
    'https://client.example/Callback',
    'https://client.example/%63allback',
    'https://client.example/callback%00',
    'https://client.example/callback ',
    ' https://client.example/callback',
    'https://client.example:443/callback',
    'https://client.example:8443/callback',
    'https://client.example.evil/callback',
    'https://client.example-evil/callback',
    'https://evilclient.example/callback',
    'https://evil.client.example/callback',
    'https://client.example@evil.example/callback',
    'https://evil.example/https://client.example/callback',
    'https://evil.example/?https://client.example/callback',
    String.raw`https://client.example\@evil.example/callback`,
    'HTTPS://client.example/callback',
    'https://CLIENT.EXAMPLE/callback',
    'http://client.example/callback',
    'https://client.example/with?query=2',
    'https://client.example/with?query=1&code=x',
    'https://client.example/with',
    'http://127.0.0.1/callback/',
    'http://127.0.0.1/callback?x=1',
    'http://127.0.0.1:0/callback',
    'http://127.0.0.1:65536/callback',
    'http://127.0.0.1:080/callback',
    'http://127.0.0.1:/callback',
    'http://127.0.0.1:1@evil.example/callback',
    'http://127.0.0.1:1/callback#x',
    'http://127.0.0.2:1/callback',
    'http://127.1:1/callback',
    'http://localhost:1/callback',
    'http://localhost:1/callback?x=2',
    'http://LOCALHOST:1/callback?x=1',
    'http://localhost.:1/callback?x=1',
    'http://localhost.evil.example:1/callback?x=1',
    'https://localhost:8787/callback?x=1',
    'https://127.0.0.1/callback',
    'http://[::1]:1/callback',
    'http://[0:0:0:0:0:0:0:1]:1/',
    'http://localhost/',
    'cursor://x/callback2',
    'cursor://y/callback',
    'cursor:///x/callback',
    'CURSOR://x/callback',
    'cursor://x:1/callback',
  ])('does not find %j', (uri) => {
    expect(matchRedirectUri(uri, registered)).toBeUndefined();
  });

  it('finds nothing for a client without redirect URIs', () => {
    expect(matchRedirectUri('https://client.example/callback', [])).toBeUndefined();
  });
});

describe('describeRedirectUri', () => {
  it.each([
    ['https://claude.ai/api/mcp/auth_callback', 'https', 'https://claude.ai'],
    ['https://client.example:8443/x', 'https', 'https://client.example:8443'],
    ['http://localhost:3118/callback', 'loopback', 'http://localhost:3118'],
    ['http://[::1]:5000/callback', 'loopback', 'http://[::1]:5000'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'private-use', 'cursor:'],
    ['com.example.app:/cb', 'private-use', 'com.example.app:'],
  ])('shows of %s the kind %s and the origin %s', (uri, kind, origin) => {
    expect(describeRedirectUri(parseRedirectUri(uri, rules))).toEqual({ kind, origin });
  });
});
