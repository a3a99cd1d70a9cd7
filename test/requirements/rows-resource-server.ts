import { type Section, testsOf } from './requirement.ts';

const bearer = testsOf('test/attacks/j-bearer.test.ts');
const forwarded = testsOf('test/attacks/j-forwarded-tokens.test.ts');
const neighbours = testsOf('test/attacks/j-neighbours.test.ts');
const lifetime = testsOf('test/attacks/j-lifetime.test.ts');
const headerAttacks = testsOf('test/attacks/k-headers.test.ts');
const admission = testsOf('src/resource-server/admission/admit.test.ts');
const headers = testsOf('src/resource-server/proxy/request-headers.test.ts');
const streams = testsOf('test/system/proxy-streams.test.ts');
const settings = testsOf('src/gateway/config/settings-grants.test.ts');
const admits = admission('admits a valid token and hands over its grant');
const needs = testsOf('src/resource-server/proxy/scope-check.test.ts');
const mounts = testsOf('test/requirements/many-mounts.test.ts');
const scopes = testsOf('src/protocol/scope.test.ts');
const policy = testsOf('test/policy/calls.test.ts');
const tokens = testsOf('src/services/tokens/tokens.test.ts');

const everyBrokenToken = bearer('every broken token is a 401 on %s, and nothing is forwarded');

export const resourceServer: Section = {
  letter: 'J',
  title: 'Access tokens and the resource server',
  rows: [
    {
      id: 126,
      level: 'must',
      source: 'MCP Token Handling; RFC 8707 §2',
      sentence: 'A token is good for the resource it was authorized for, and a 401 at every other.',
      provedBy: [admits],
      refusedBy: [
        admission('refuses a token of another resource on the same host'),
        everyBrokenToken,
        neighbours('144: has none for a neighbour that shares the sealing secret'),
        neighbours('144: has none for another mount of the same house: %j'),
        mounts('126: a token is good for its own resource and a 401 at every other, which hears nothing'),
      ],
    },
    {
      id: 127,
      level: 'should',
      source: 'RFC 9068 §2, §4',
      sentence: 'An access token that is a JWT has the profile of RFC 9068.',
      notApplicable:
        'Access tokens are sealed values of our own that nobody but us reads; a JWT, an ID token among them, is refused (131).',
    },
    {
      id: 128,
      level: 'should',
      source: 'MCP Token Theft',
      sentence: 'Access tokens last an hour at most.',
      provedBy: [settings('ACCESS_TOKEN_TTL › is an hour by default, and may be shorter')],
      refusedBy: [settings('ACCESS_TOKEN_TTL › refuses %s'), lifetime('152: it ends when its token does')],
    },
    {
      id: 129,
      level: 'must',
      source: 'MCP Token Requirements; OAuth 2.1 §5.1',
      sentence: 'A token counts in the Authorization header and nowhere else.',
      provedBy: [admits],
      refusedBy: [
        bearer('in the query it is no credential'),
        bearer('in a form body, a cookie or a header of another name it is no credential'),
        bearer('in the query as %s beside a good header the request is refused'),
      ],
    },
    {
      id: 130,
      level: 'must',
      source: 'RFC 9110 §11.1; RFC 6750 §3.1',
      sentence: 'The scheme is known in any letter case; another or a malformed one is a challenge.',
      provedBy: [admission('takes the scheme spelled %s')],
      refusedBy: [
        bearer('%s gets the bare challenge'),
        bearer('twice in Authorization it is no credential, whichever comes first'),
      ],
    },
    {
      id: 131,
      level: 'must',
      source: 'MCP Token Handling',
      sentence: 'A token that is over, changed, foreign or of another kind is a 401 `invalid_token`.',
      provedBy: [admits],
      refusedBy: [
        everyBrokenToken,
        tokens('does not open as any other kind, not even with the prefix swapped'),
      ],
    },
    {
      id: 132,
      level: 'should',
      source: 'MCP Runtime Insufficient Scope Errors',
      sentence: 'Too little scope is a 403 `insufficient_scope` that names every scope the call needs.',
      provedBy: [
        needs('the scope that every call of a mount needs › lets it pass by itself or within a wider one'),
        needs('are named all at once, with those that every call needs and those there are'),
      ],
      refusedBy: [needs('stops a %s that lacks it, before the upstream')],
    },
    {
      id: 133,
      level: 'interoperability',
      source: 'TypeScript SDK, version 1',
      sentence: 'The same refused call gets the same challenge, byte for byte.',
      provedBy: [
        needs('gives the same call the same bytes, and the next token of the grant as well'),
        bearer('the same refusal is the same bytes, each time'),
      ],
    },
    {
      id: 134,
      level: 'must',
      source: 'MCP Step-Up Authorization Flow',
      sentence: 'A scope that includes others counts as all of them.',
      provedBy: [
        needs('lets it pass by itself or within a wider one'),
        scopes('has what is included, and what that includes'),
      ],
      refusedBy: [needs('stops a %s that lacks it, before the upstream')],
    },
    {
      id: 135,
      level: 'interoperability',
      source: 'retries of the TypeScript SDK and Claude',
      sentence: 'What no scope can cure is not called `insufficient_scope`.',
      provedBy: [
        policy('refuses what none allows, tells the client and nobody the rule, and forwards nothing'),
      ],
      refusedBy: [policy('denies %s')],
    },
    {
      id: 136,
      level: 'must',
      source: 'MCP Token Passthrough',
      sentence: 'No credential and no identity that the client sends reaches the upstream.',
      provedBy: [headers('are ours alone when the client sent none that pass')],
      refusedBy: [
        bearer('none do: bearer, cookies, proxy credentials and proofs end here'),
        headers('stop %s'),
        forwarded('295: stays here unless the operator passes it on (%s)'),
        forwarded('296: is the only credential that passes'),
      ],
      deviation:
        'With `forward_token` of a mount, a token of another issuer for the one audience that is the upstream’s own passes.',
    },
    {
      id: 137,
      level: 'must',
      source: 'MCP Access Token Privilege Restriction',
      sentence: 'The upstream hears our credential and our word on who it is, in no spelling the client’s.',
      provedBy: [
        headers('carry the credential of the configuration'),
        headers('give different people different values'),
      ],
      refusedBy: [
        headerAttacks(
          'attack 153: identity headers of our own, sent by the client › %s does not get through',
        ),
        headerAttacks('attack 154: identity headers that other proxies set › %s does not get through'),
        headerAttacks('%s takes none away'),
      ],
    },
    {
      id: 138,
      level: 'product',
      source: 'OAuth 2.1 §5.2; authorization of every request',
      sentence: 'No stream outlives its token or its grant for long.',
      provedBy: [
        streams('ends when the grant is revoked'),
        streams('that only listens ends cleanly when the token expires'),
        streams('that answers a call has some time left after its token expired'),
      ],
    },
    {
      id: 139,
      level: 'must',
      source: 'MCP Token Requirements',
      sentence: 'Every request is judged by its own token, also within a session.',
      provedBy: [admission('asks about revocation on every hit')],
      refusedBy: [bearer('a token that dies between two calls is refused at the second')],
    },
  ],
};
