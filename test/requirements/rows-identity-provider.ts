import { type Section, testsOf } from './requirement.ts';

const provider = testsOf('src/services/identity/openid-provider.test.ts');
const claims = testsOf('src/services/identity/claims.test.ts');
const callback = testsOf('src/authorization-server/authorization/callback-endpoint.test.ts');
const attacks = testsOf('test/attacks/i-callback.test.ts');
const lifecycle = testsOf('test/attacks/g-lifecycle.test.ts');
const limits = testsOf('test/attacks/o-limits.test.ts');
const recheck = testsOf('src/authorization-server/token/identity-recheck.test.ts');
const bearer = testsOf('test/attacks/j-bearer.test.ts');

const several = testsOf('test/flows/several-identity-providers.test.ts');
const mixUp = testsOf('test/attacks/i-mix-up.test.ts');

const endsWell = provider('ends with the identity of the ID token');

export const identityProvider: Section = {
  letter: 'G',
  title: 'The login at the identity provider',
  rows: [
    {
      id: 95,
      level: 'must',
      source: 'OpenID Connect Discovery §4.3',
      sentence: 'The discovery document names the issuer that is configured.',
      provedBy: [provider('asks discovery, token endpoint and keys once, and no userinfo')],
      refusedBy: [provider('that brings %s makes logins unavailable')],
      deviation:
        'A slash that the provider has at the end and the setting lacks is forgiven; everything after is held to what the provider says.',
    },
    {
      id: 96,
      level: 'must',
      source: 'OAuth 2.1 §7.5.2; OpenID Connect Core §3.1.2.1',
      sentence: 'A login has a code, PKCE with S256, a state and a nonce.',
      provedBy: [provider('sends the browser to the provider with state, nonce and an S256 challenge')],
      refusedBy: [
        provider('with another state is refused before anything is sent'),
        provider('with a code of another login fails at the provider, by PKCE'),
        provider('an ID token › %s is refused'),
      ],
    },
    {
      id: 97,
      level: 'must',
      source: 'OpenID Connect Core §3.1.3.7',
      sentence:
        'An ID token counts with a signature of a listed asymmetric algorithm, and issuer, audience, times and nonce of this login.',
      provedBy: [endsWell, provider('takes clocks that are up to a minute apart')],
      refusedBy: [provider('an ID token › %s is refused'), provider('an ID token › with %s is refused')],
    },
    {
      id: 98,
      level: 'must',
      source: 'RFC 9207 §2.4',
      sentence: 'The issuer of a callback is compared when it is sent, and demanded when it was promised.',
      provedBy: [endsWell, provider('works with a provider that has no iss parameter')],
      refusedBy: [
        provider('without an issuer is refused when the provider promises one'),
        provider('an answer that is not for this login › %s is refused before anything is sent'),
      ],
    },
    {
      id: 99,
      level: 'must',
      source: 'RFC 9700 §4.4',
      sentence: 'With several identity providers a login is pinned to its own.',
      provedBy: [several('each let people in, at a callback of its own')],
      refusedBy: [
        mixUp(
          '134: the answer of one at the callback of another stays on a page, and its code is sent nowhere (iss left out: %s)',
        ),
        mixUp('130: a code of one that says its issuer is never shown to another'),
        mixUp('130: a code of one is worth nothing in a login at another, though it says no issuer'),
      ],
    },
    {
      id: 100,
      level: 'must',
      source: 'OpenID Connect Core §5.7',
      sentence: 'A person is known by issuer and subject; an address counts only when it is verified.',
      provedBy: [claims('reads a person'), claims('keeps an address with email_verified %j')],
      refusedBy: [
        limits('197: is not that of a namesake at another identity provider, nor of another spelling'),
        claims('leaves an address out with email_verified %j, unless unverified ones are trusted'),
      ],
    },
    {
      id: 101,
      level: 'should',
      source: 'OpenID Connect Core §10.1.1',
      sentence: 'Keys are fetched again for an unknown one, so often and no more; trouble is a clean error.',
      provedBy: [
        provider('loses no login when the provider changes its keys, however recently they were read'),
        provider('goes on with the keys it has when those of an unknown one cannot be read'),
        provider('goes on by itself until it works'),
        callback('of a login refused with %s (%s) as %s'),
      ],
    },
    {
      id: 102,
      level: 'must',
      source: 'Security Best Practices; MCP Token Passthrough',
      sentence:
        'What the provider says of an error goes to nobody, and its tokens reach neither browser, client nor upstream.',
      provedBy: [endsWell],
      refusedBy: [
        attacks('133: the provider error %s reaches the client as %s, without a word of the query'),
        provider('shows and keeps nothing of what the provider said'),
        lifecycle(
          '103: the provider’s refresh token shows nowhere: not in answers, headers, logs or the store',
        ),
        bearer('none do: bearer, cookies, proxy credentials and proofs end here'),
      ],
    },
    {
      id: 103,
      level: 'must',
      source: 'MCP 2025-03-26 Third-Party Authorization Flow, Session Binding Requirements',
      sentence: 'A token of the provider is kept only sealed, and its end ends what stands on it.',
      provedBy: [recheck('with the token the provider gave last, and of the person it knows')],
      refusedBy: [
        recheck('leaves no token of the provider in the store, in the clear or otherwise to be read'),
        lifecycle('101: a leaver is out with the next refresh, and no later than an access token lasts'),
      ],
    },
  ],
};
