import { type Section, testsOf } from './requirement.ts';

const own = testsOf('test/requirements/token.test.ts');
const attacks = testsOf('test/attacks/f-token.test.ts');
const endpoint = testsOf('src/authorization-server/token/token-endpoint.test.ts');
const codes = testsOf('src/authorization-server/token/authorization-code-grant.test.ts');
const keys = testsOf('test/attacks/d-client-keys.test.ts');
const clients = testsOf('test/flows/pre-registered-clients.test.ts');
const secrets = testsOf('test/attacks/f-confidential-clients.test.ts');
const recheck = testsOf('src/services/identity/identity-recheck.test.ts');
const limits = testsOf('test/attacks/o-limits.test.ts');

const issues = codes('issues a bearer access token and a refresh token that nobody may cache');
const publicOnly = own(
  '108, 109, 110: clients are public: a header is refused with a challenge, an assertion proves nothing',
);

export const token: Section = {
  letter: 'H',
  title: 'Token endpoint',
  rows: [
    {
      id: 104,
      level: 'must',
      source: 'OAuth 2.1 §3.2',
      sentence: 'The endpoint takes forms by POST; everything else is refused, and always in JSON.',
      provedBy: [issues],
      refusedBy: [
        own('104: takes form POSTs alone and refuses in JSON'),
        endpoint('refuses parameters in the query'),
      ],
    },
    {
      id: 105,
      level: 'must',
      source: 'OAuth 2.1 §3.2.3',
      sentence: 'Every answer is JSON that nobody keeps.',
      provedBy: [own('105: says no-store and application/json on success and refusal')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 106,
      level: 'must',
      source: 'OAuth 2.1 §4.1.3',
      sentence: 'The code verifier is required, and compared in constant time.',
      provedBy: [issues],
      refusedBy: [
        own('106: refuses the verifier of %o'),
        attacks('80: every way around PKCE is refused, and none of them spends the code'),
      ],
    },
    {
      id: 107,
      level: 'must',
      source: 'OAuth 2.1 §4.1.3; RFC 6749 §4.1.3',
      sentence: 'A code is good for its client and its redirect URI.',
      provedBy: [issues],
      refusedBy: [own('107: refuses the code of another client and another redirect URI')],
      deviation:
        'OAuth 2.1 lets a client leave the redirect URI away; here it is required, as in RFC 6749, so that no code is bound to less than was authorized.',
    },
    {
      id: 108,
      level: 'must',
      source: 'OAuth 2.1 §2.4; TypeScript and Python SDKs',
      sentence: 'Clients authenticate in the ways that the metadata names, in one of them at a time.',
      provedBy: [clients('%s signs a person in, refreshes and revokes')],
      refusedBy: [
        publicOnly,
        clients('%s gets nothing without its credential'),
        secrets('88: %s are two clients in one request'),
      ],
    },
    {
      id: 109,
      level: 'must',
      source: 'OAuth 2.1 §3.2.4',
      sentence:
        'A client that does not prove itself is a 401 `invalid_client`, with a Basic challenge where it tried that.',
      provedBy: [issues],
      refusedBy: [publicOnly, endpoint('answers client_id %o with 401, after which clients register again')],
    },
    {
      id: 110,
      level: 'must',
      source: 'RFC 7521; RFC 7523 §3',
      sentence: 'A client assertion is signed by the client, for this server, short-lived and good once.',
      provedBy: [keys('a client redeems, refreshes and revokes with %s')],
      refusedBy: [
        publicOnly,
        keys('65: an assertion counts once, on every replica and through every endpoint'),
        keys('65: an assertion with %s proves nothing'),
        keys('65: an assertion for %s is refused'),
        keys('65: an assertion that %s is refused'),
      ],
    },
    {
      id: 111,
      level: 'must',
      source: 'OAuth 2.1 §3.2.4',
      sentence: 'A grant type that is not served is `unsupported_grant_type`.',
      provedBy: [issues],
      refusedBy: [
        own('111: names an unsupported grant type as such, never unauthorized_client'),
        endpoint('refuses grant_type %o as unsupported'),
      ],
    },
    {
      id: 112,
      level: 'must',
      source: 'RFC 8707 §2.2',
      sentence:
        'A resource of a token request is the one that was authorized; without one that one is meant.',
      provedBy: [codes('takes the resource %s for the one of the grant')],
      refusedBy: [own('112: takes the authorized resource, or none, and no other')],
    },
    {
      id: 113,
      level: 'must',
      source: 'OAuth 2.1 §3.2.3; TypeScript and Python SDKs',
      sentence:
        'The answer says Bearer and a whole `expires_in`; the scope where it differs; nothing is null.',
      provedBy: [own('113: answers Bearer, a whole expires_in, and no null')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 114,
      level: 'interoperability',
      source: 'time limits of Claude',
      sentence: 'An answer comes within ten seconds, however slow the identity provider.',
      provedBy: [
        own('114: asks the identity provider nothing when it refreshes'),
        recheck('has no answer after five seconds, however long a login may take'),
      ],
    },
    {
      id: 115,
      level: 'must',
      source: 'OAuth 2.1 §2.4.1',
      sentence: 'Guessing of codes and secrets is limited by address and by client.',
      provedBy: [
        limits('200: a client that refreshes without end is slowed down alone, and keeps its grant'),
      ],
      refusedBy: [own('115: limits guesses from one address')],
    },
  ],
};
