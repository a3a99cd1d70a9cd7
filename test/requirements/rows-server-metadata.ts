import { type Section, testsOf } from './requirement.ts';

const metadata = testsOf('test/requirements/metadata.test.ts');
const documents = testsOf('test/requirements/metadata-documents.test.ts');
const authorization = testsOf('test/attacks/e-authorization.test.ts');
const tokens = testsOf('test/attacks/f-token.test.ts');
const settings = testsOf('src/gateway/config/settings-server.test.ts');
const room = testsOf('src/authorization-server/metadata/metadata-endpoint.test.ts');

const member = metadata('%i: %s is %o in every served form');

export const serverMetadata: Section = {
  letter: 'B',
  title: 'Authorization server metadata',
  rows: [
    {
      id: 14,
      level: 'must',
      source: 'MCP Authorization Server Metadata Discovery; RFC 8414 §3.1',
      sentence: 'The metadata of the authorization server is at the well-known path of its issuer.',
      provedBy: [metadata('14: is served at the well-known path of the issuer')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 15,
      level: 'must',
      source: 'MCP Authorization Server Metadata Discovery; RFC 8414 §5',
      sentence: 'The OpenID forms are the same whole document or a 404; here a 404.',
      provedBy: [metadata('15, 16: the OpenID form %s is 404 in JSON: this is no OpenID provider')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 16,
      level: 'interoperability',
      source: 'OpenID Connect Discovery §3; schemas of the SDKs',
      sentence: 'No OpenID document is served that lacks what OpenID requires.',
      provedBy: [metadata('15, 16: the OpenID form %s is 404 in JSON: this is no OpenID provider')],
    },
    {
      id: 17,
      level: 'must',
      source: 'RFC 8414 §3.3; RFC 9207 §2.4',
      sentence: 'The issuer is one canonical string: in both documents and in every answer to a client.',
      provedBy: [metadata('17: one issuer, canonical, in both documents and in the authorization response')],
      refusedBy: [
        authorization('79: metadata comes from the configured URL, whatever the request claims'),
        settings('PROXY_BASE_URL › refuses %s, since it %s'),
      ],
    },
    {
      id: 18,
      level: 'must',
      source: 'MCP Authorization Code Protection',
      sentence: 'S256 is the only code challenge method, and is said to be.',
      provedBy: [member],
      refusedBy: [authorization('67: PKCE with %o is refused')],
    },
    {
      id: 19,
      level: 'must',
      source: 'OAuth 2.1 §4, §10',
      sentence: 'The only response type is `code`; there is no implicit grant and none with a password.',
      provedBy: [member],
      refusedBy: [
        authorization('68: %s=%s is refused'),
        tokens('92: no grant type but the two that are advertised is served'),
      ],
    },
    {
      id: 20,
      level: 'must',
      source: 'MCP Authorization Response Validation; RFC 9207 §2.3',
      sentence: 'The metadata says that answers name their issuer.',
      provedBy: [
        member,
        authorization('78: every answer to the client names the issuer once, as the metadata does'),
      ],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 21,
      level: 'must',
      source: 'RFC 8414 §2; what Claude requires for metadata documents',
      sentence: 'The client authentication methods are those that work, `none` among them.',
      provedBy: [member],
      refusedBy: [
        tokens(
          '88: there are no confidential clients: any Authorization header is refused with the Basic challenge',
        ),
      ],
    },
    {
      id: 22,
      level: 'must',
      source: 'CIMD, Authorization Server Metadata',
      sentence: 'Metadata documents of clients are announced exactly while they are taken.',
      provedBy: [metadata('22: claims client ID metadata documents, unless they are off')],
      refusedBy: [documents('48: with %o nothing is fetched')],
    },
    {
      id: 23,
      level: 'should',
      source: 'MCP Client Registration Approaches',
      sentence: 'A registration endpoint is named exactly while clients may register.',
      provedBy: [
        metadata('23: names the registration endpoint, and it registers'),
        room('names the registration endpoint only while clients may register'),
      ],
    },
    {
      id: 24,
      level: 'should',
      source: 'RFC 8414 §2',
      sentence: 'The grant types are those that are served.',
      provedBy: [member],
      refusedBy: [tokens('92: no grant type but the two that are advertised is served')],
    },
    {
      id: 25,
      level: 'should',
      source: 'MCP Refresh Tokens; OpenID Connect Core §11',
      sentence: '`offline_access` is not offered: refresh tokens do not depend on it.',
      provedBy: [metadata('25: does not list offline_access: refresh tokens do not depend on it')],
    },
    {
      id: 26,
      level: 'interoperability',
      source: 'schemas of the SDKs',
      sentence: 'What is absent is left out; nothing is null.',
      provedBy: [metadata('26: holds no null and no empty array')],
    },
    {
      id: 27,
      level: 'interoperability',
      source: 'RFC 8414 §3.3; clients that probe the origin of the MCP server',
      sentence: 'Issuer and MCP endpoint share an origin, so that every probe finds the same true document.',
      provedBy: [metadata('27: issuer and MCP endpoint share one origin')],
    },
    {
      id: 28,
      level: 'interoperability',
      source: 'ChatGPT, MCP Inspector',
      sentence: 'Metadata answers HEAD, may be cached shortly, is readable across origins, never redirects.',
      provedBy: [
        metadata(
          '28: answers HEAD, may be cached shortly, is readable for scripts of any origin, and never redirects',
        ),
      ],
    },
    {
      id: 29,
      level: 'must',
      source: 'MCP Communication Security; RFC 8414 §2',
      sentence: 'Every endpoint is https, loopback excepted, and has no fragment.',
      provedBy: [metadata('29: every endpoint is https, without a fragment, and below the issuer')],
      refusedBy: [settings('PROXY_BASE_URL › refuses %s, since it %s')],
    },
  ],
};
