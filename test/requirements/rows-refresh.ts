import { type Section, testsOf } from './requirement.ts';

const own = testsOf('test/requirements/token.test.ts');
const revocation = testsOf('test/requirements/revocation.test.ts');
const grant = testsOf('src/authorization-server/token/refresh-token-grant.test.ts');
const lifecycle = testsOf('test/attacks/g-lifecycle.test.ts');
const revoking = testsOf('test/attacks/g-revocation.test.ts');
const replicas = testsOf('test/flows/two-replicas-redis.test.ts');
const log = testsOf('test/flows/log-canary.test.ts');
const scopes = testsOf('test/flows/scopes.test.ts');
const grants = testsOf('src/services/tokens/grants.test.ts');

export const refreshing: Section = {
  letter: 'I',
  title: 'Refresh tokens and revocation',
  rows: [
    {
      id: 116,
      level: 'must',
      source: 'MCP Token Theft; OAuth 2.1 §4.3.1',
      sentence: 'Each refresh gives a new refresh token.',
      provedBy: [own('116, 122: every code grant gets a refresh token, and each refresh another')],
      refusedBy: [own('117: reuse after the window ends the grant and is told')],
    },
    {
      id: 117,
      level: 'must',
      source: 'OAuth 2.1 §4.3.1; RFC 9700 §4.14',
      sentence: 'A used refresh token that comes again ends the grant, and is told.',
      provedBy: [grant('rotates: a new access token and a successor')],
      refusedBy: [
        own('117: reuse after the window ends the grant and is told'),
        lifecycle(
          '95: a stolen token is caught: the one before gets its successor inside the window, any other ends it all',
        ),
      ],
    },
    {
      id: 118,
      level: 'interoperability',
      source: 'Claude, MCP Inspector',
      sentence: 'Inside a short window a repeated refresh gets the same successor.',
      provedBy: [
        own('118, 119: repeated and parallel refreshes inside the window get one successor'),
        lifecycle('94: five processes that share one stored token never lose the session inside the window'),
      ],
      refusedBy: [
        lifecycle('97: the window multiplies nothing: one successor, no longer life, every repetition told'),
      ],
    },
    {
      id: 119,
      level: 'product',
      source: 'clients that share a store of tokens',
      sentence: 'Rotation is one atomic step, over all processes that share the store.',
      provedBy: [
        own('118, 119: repeated and parallel refreshes inside the window get one successor'),
        lifecycle('96: 256 parallel refreshes of one token over two replicas make one successor'),
        replicas('gives both racing replicas the same successor'),
      ],
    },
    {
      id: 120,
      level: 'must',
      source: 'OAuth 2.1 §4.3; RFC 8707 §2.2; Codex',
      sentence:
        'A refresh token is for its client, person, resource and scope; less may be asked for, more is refused.',
      provedBy: [
        grant('narrows the access token to the scope asked for, not the grant'),
        scopes('can be narrowed by a refresh, to what is included as well, and never widened'),
      ],
      refusedBy: [
        own('120: a refresh token is bound to client, resource and scope; naming the resource is optional'),
        grant('refuses the scope %o and keeps the token'),
      ],
    },
    {
      id: 121,
      level: 'must',
      source: 'OAuth 2.1 §3.2.4',
      sentence: 'A refresh token that is over or unknown is a 400 `invalid_grant`; store trouble is not.',
      provedBy: [own('121: a store that does not answer is no verdict on the token')],
      refusedBy: [
        own(
          '121: expired, unknown and malformed refresh tokens are invalid_grant; a dead client is invalid_client',
        ),
      ],
    },
    {
      id: 122,
      level: 'interoperability',
      source: 'MCP Refresh Tokens; older SDKs',
      sentence: 'Every code grant has a refresh token, without `offline_access`.',
      provedBy: [
        own('116, 122: every code grant gets a refresh token, and each refresh another'),
        own('122: an access token from a refresh is taken at the mount'),
      ],
    },
    {
      id: 123,
      level: 'should',
      source: 'OAuth 2.1 §4.3.1',
      sentence: 'Grants end by disuse, by age, and with the person.',
      provedBy: [
        lifecycle('102: daily use does not carry a session past thirty days'),
        lifecycle('102: a session that is not used for seven days is over'),
        lifecycle('101: a leaver is out with the next refresh, and no later than an access token lasts'),
      ],
    },
    {
      id: 124,
      level: 'must',
      source: 'MCP Token Theft; OAuth 2.1 §7.1',
      sentence: 'No token can be read in the store or in the log.',
      provedBy: [grants('gives every generation its successor')],
      refusedBy: [
        grant('leaves no token in the store that could be presented by whoever reads it'),
        log('holds no token, code, state, verifier, cookie or secret, at any level'),
      ],
    },
    {
      id: 125,
      level: 'should',
      source: 'RFC 7009 §2',
      sentence: 'A client ends its own grant with either token; unknown tokens are answered 200.',
      provedBy: [
        revocation(
          '125: the advertised endpoint answers 200 for unknown tokens, ends the grant, and only for its client',
        ),
        revoking('104: %s ends the whole grant, and no other'),
      ],
      refusedBy: [revoking('104: another client’s token is refused, and lives on')],
    },
  ],
};
