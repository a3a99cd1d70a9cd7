import { type Section, testsOf } from './requirement.ts';

const metadata = testsOf('test/requirements/metadata.test.ts');
const mounts = testsOf('test/requirements/many-mounts.test.ts');
const scopes = testsOf('test/flows/scopes.test.ts');
const bearer = testsOf('test/attacks/j-bearer.test.ts');
const admission = testsOf('src/resource-server/admission/admit.test.ts');
const calls = testsOf('test/system/proxy-calls.test.ts');
const challenge = testsOf('src/protocol/www-authenticate.test.ts');
const authorization = testsOf('test/attacks/e-authorization.test.ts');
const host = testsOf('test/attacks/k-host.test.ts');

export const resourceMetadata: Section = {
  letter: 'A',
  title: 'Protected resource metadata and challenges',
  rows: [
    {
      id: 1,
      level: 'must',
      source: 'MCP Authorization, Error Handling; RFC 6750 §3',
      sentence: 'A call without a token is a 401, whatever its method; never a page, a redirect or a 403.',
      provedBy: [calls('carries a JSON request there and its answer back')],
      refusedBy: [bearer('no token is a 401 without an error code on %s')],
    },
    {
      id: 2,
      level: 'must',
      source: 'RFC 9728 §5.1; MCP Protected Resource Metadata Discovery Requirements',
      sentence: 'That 401 has one Bearer challenge, which names the metadata by its whole URL.',
      provedBy: [
        bearer('no token is a 401 without an error code on %s'),
        challenge('names the metadata alone when no token was presented'),
      ],
      refusedBy: [bearer('target %j and Host %j leave no trace in an answer')],
    },
    {
      id: 3,
      level: 'should',
      source: 'RFC 6750 §3, §3.1',
      sentence: 'The challenge says `invalid_token` of a token that is no good, and nothing where none came.',
      provedBy: [admission('answers %j with a bare challenge')],
      refusedBy: [bearer('every broken token is a 401 on %s, and nothing is forwarded')],
    },
    {
      id: 4,
      level: 'should',
      source: 'MCP Scope Selection Strategy',
      sentence: 'The challenge of a resource with scopes names those to ask for at first.',
      provedBy: [
        admission('tells whoever has no good token what to ask for at first'),
        scopes('are told: all of them by the authorization server, the first ones by resource and challenge'),
      ],
    },
    {
      id: 5,
      level: 'must',
      source: 'RFC 9728 §3.1',
      sentence: 'The metadata of a resource is at the well-known path with its own path behind.',
      provedBy: [
        metadata('5: is served at the path-inserted well-known URL of the mount'),
        mounts('5, 7: each has metadata of its own, which names it and the one issuer'),
      ],
      refusedBy: [metadata('12: %s is 404 in JSON, also for a browser')],
    },
    {
      id: 6,
      level: 'interoperability',
      source: 'MCP Protected Resource Metadata Discovery Requirements; fallbacks of clients',
      sentence:
        'The well-known path alone has the document of the only resource, or of the default one, or a 404.',
      provedBy: [
        metadata('6: is the same at the root, since there is one resource'),
        mounts('6: the root document is that of the default one, or of the only one of a host, or a 404'),
      ],
    },
    {
      id: 7,
      level: 'must',
      source: 'RFC 9728 §3.3',
      sentence: '`resource` is exactly the public URL of the endpoint, to the last byte.',
      provedBy: [
        metadata('7: names exactly the public URL of the endpoint under %s'),
        mounts('5, 7: each has metadata of its own, which names it and the one issuer'),
      ],
      refusedBy: [metadata('12: %s is 404 in JSON, also for a browser')],
    },
    {
      id: 8,
      level: 'must',
      source: 'MCP Authorization Server Location',
      sentence: '`authorization_servers` names the issuer, byte for byte as the issuer names itself.',
      provedBy: [metadata('8: names one authorization server, the string that is its issuer')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 9,
      level: 'should',
      source: 'MCP Refresh Tokens; Security Best Practices, Scope Minimization',
      sentence: '`scopes_supported` holds the scopes of ordinary use, and `offline_access` never.',
      provedBy: [
        metadata('9: asks for no scope, offline_access least of all'),
        metadata('9: asks for the scopes that a request gets by itself, and for no other'),
      ],
    },
    {
      id: 10,
      level: 'should',
      source: 'RFC 9728 §2; RFC 6750 §2',
      sentence: 'Tokens are said to be taken in the header alone.',
      provedBy: [metadata('10: takes tokens in the header alone')],
      refusedBy: [bearer('in the query it is no credential')],
    },
    {
      id: 11,
      level: 'must',
      source: 'RFC 9728 §3.2',
      sentence: 'The document is JSON with 200 for GET and HEAD, without redirect or authentication.',
      provedBy: [metadata('11: %s is JSON for GET and HEAD, without redirect or authentication')],
      refusedBy: [authorization('77: methods that an endpoint does not take are refused by name')],
    },
    {
      id: 12,
      level: 'interoperability',
      source: 'fallbacks of the TypeScript and Python SDKs',
      sentence: 'Metadata of what is no resource is a 404 in JSON.',
      provedBy: [metadata('12: %s is 404 in JSON, also for a browser')],
    },
    {
      id: 13,
      level: 'product',
      source: 'RFC 9728 §3.3',
      sentence: 'Public URLs come from the configuration, never from a request.',
      provedBy: [metadata('13: takes its URLs from the configuration, whatever the request claims')],
      refusedBy: [host('the first request to a fresh process teaches it nothing about its own address')],
    },
  ],
};
