/** How much a requirement binds: a specification's MUST or SHOULD, what clients in the field need, our own decision. */
export type RequirementLevel = 'must' | 'should' | 'interoperability' | 'product';

/** One testable sentence. The test file beside this one has an `it` whose name begins with the id. */
export interface Requirement {
  readonly id: number;
  readonly level: RequirementLevel;
  readonly source: string;
  readonly sentence: string;
  readonly test: string;
}

type Row = readonly [id: number, level: RequirementLevel, source: string, sentence: string];

const metadata: readonly Row[] = [
  [5, 'must', 'RFC 9728 §3.1', 'The resource metadata is at the path-inserted well-known URL.'],
  [6, 'interoperability', 'MCP PRM Discovery', 'With one resource, the root document is the same.'],
  [7, 'must', 'RFC 9728 §3.3', '`resource` is exactly the public URL of the endpoint.'],
  [
    8,
    'must',
    'MCP Authorization Server Location',
    '`authorization_servers` names the issuer, byte for byte.',
  ],
  [9, 'should', 'MCP Refresh Tokens', 'The resource asks for the smallest set of scopes.'],
  [10, 'should', 'RFC 9728 §2', 'Bearer tokens come in the header alone.'],
  [11, 'must', 'RFC 9728 §3.2', 'The document is JSON for GET and HEAD, without redirect or authentication.'],
  [12, 'interoperability', 'client fallbacks', 'Unknown resources are 404 in JSON.'],
  [13, 'product', 'RFC 9728 §3.3', 'Public URLs come from the configuration.'],
  [14, 'must', 'RFC 8414 §3.1', 'The server metadata is at the well-known path of the issuer.'],
  [15, 'must', 'RFC 8414 §5', 'OpenID forms are complete or 404: here 404.'],
  [16, 'interoperability', 'OpenID Connect Discovery §3', 'No half OpenID document is served.'],
  [17, 'must', 'RFC 8414 §3.3, RFC 9207 §2.4', 'The issuer is one canonical string everywhere.'],
  [18, 'must', 'MCP Authorization Code Protection', 'S256 is the only code challenge method.'],
  [19, 'must', 'OAuth 2.1 §10', 'There is no implicit and no password grant.'],
  [20, 'must', 'RFC 9207 §2.3', 'Support of `iss` in authorization responses is announced.'],
  [21, 'must', 'RFC 8414 §2', 'The client authentication methods are those that work: none.'],
  [22, 'must', 'CIMD', 'Client ID metadata documents are announced only when taken.'],
  [23, 'should', 'MCP Client Registration', 'The registration endpoint is named while clients may register.'],
  [24, 'should', 'RFC 8414 §2', 'The grant types are those that are served.'],
  [25, 'should', 'MCP Refresh Tokens', '`offline_access` is not listed: refresh tokens do not depend on it.'],
  [26, 'interoperability', 'SDK schemas', 'Nothing is null.'],
  [27, 'interoperability', 'RFC 8414 §3.3', 'Issuer and MCP endpoint share one origin.'],
  [
    28,
    'interoperability',
    'browser clients',
    'Metadata answers HEAD, is cacheable, and readable across origins.',
  ],
  [29, 'must', 'MCP Communication Security', 'Endpoints are https and without fragment.'],
];

const clientDocuments: readonly Row[] = [
  [
    30,
    'must',
    'CIMD Client Identifier URL',
    'The URL is https with a path, without dot segments, fragment and user information.',
  ],
  [31, 'must', 'RFC 3986 §6.2.1', 'A client id is compared as it came: with its port it is another client.'],
  [32, 'must', 'MCP CIMD Implementation Requirements', '`client_id` of the document is its URL.'],
  [
    33,
    'must',
    'MCP CIMD Implementation Requirements',
    '`client_id`, `client_name` and `redirect_uris` are there, in valid JSON.',
  ],
  [34, 'must', 'CIMD Client Information Discovery', 'Any status but 200 is an error; nothing is followed.'],
  [35, 'should', 'CIMD', 'The content type is JSON.'],
  [36, 'should', 'CIMD Maximum Response Size', 'What is read is capped, in bytes, time and number.'],
  [37, 'must', 'RFC 6890', 'No address that is not public is contacted, and none but the judged one.'],
  [38, 'must', 'CIMD SSRF', 'No other URL of a document is fetched at all.'],
  [39, 'must', 'CIMD SSRF', 'Loopback is for development on that loopback alone.'],
  [40, 'must', 'CIMD Metadata Caching', 'Documents are kept as HTTP says, within bounds; errors are not.'],
  [41, 'should', 'CIMD Metadata Discovery Errors', 'A failed fetch is a page, never a redirect.'],
  [42, 'must', 'CIMD Credential Restrictions', 'Shared secrets and private keys are refused.'],
  [44, 'must', 'OAuth 2.1 §2.4', 'Such a client is public: PKCE and rotation hold for it.'],
  [45, 'interoperability', 'documents in use', 'What is unknown in a document is ignored.'],
  [
    46,
    'must',
    'MCP CIMD Implementation Requirements',
    'The redirect URI is one of the document; the port of loopback is free.',
  ],
  [47, 'product', 'CIMD Changes in Client Metadata', 'Every authorization asks the person anew.'],
  [48, 'product', 'MCP Trust Policies', 'Hosts can be allowed and denied.'],
  [49, 'should', 'CIMD Displaying Logos', 'No logo is shown.'],
  [50, 'product', 'MCP AS Abuse Protection', 'Requests at the same time wait for one fetch.'],
];

const token: readonly Row[] = [
  [104, 'must', 'OAuth 2.1 §3.2', 'The token endpoint takes form POSTs and answers in JSON.'],
  [105, 'must', 'OAuth 2.1 §3.2.3', 'No token answer is cached.'],
  [106, 'must', 'OAuth 2.1 §4.1.3', 'The code verifier is required and checked.'],
  [107, 'must', 'OAuth 2.1 §4.1.3', 'A code is good for its client and redirect URI alone.'],
  [108, 'must', 'OAuth 2.1 §2.4', 'Clients authenticate as the metadata says: not at all.'],
  [109, 'must', 'OAuth 2.1 §3.2.4', 'A client that used the header is refused with a challenge.'],
  [110, 'must', 'RFC 7523 §3', 'A client assertion identifies nobody.'],
  [111, 'must', 'OAuth 2.1 §3.2.4', 'An unsupported grant type is named as such.'],
  [112, 'must', 'RFC 8707 §2.2', 'A resource on the token request is the authorized one.'],
  [113, 'must', 'OAuth 2.1 §3.2.3', 'The answer says Bearer and a whole `expires_in`.'],
  [114, 'interoperability', 'client timeouts', 'A refresh does not wait for the identity provider.'],
  [115, 'must', 'OAuth 2.1 §2.4.1', 'Guessing is limited per address.'],
  [116, 'must', 'MCP Token Theft', 'Each refresh rotates.'],
  [117, 'must', 'OAuth 2.1 §4.3.1', 'Reuse after the window ends the grant, and is told.'],
  [118, 'interoperability', 'shared token stores', 'A repetition inside the window gets the same successor.'],
  [119, 'product', 'shared token stores', 'Rotation is atomic.'],
  [120, 'must', 'OAuth 2.1 §4.3', 'A refresh token is bound to client, resource and scope.'],
  [121, 'must', 'OAuth 2.1 §3.2.4', 'A dead refresh token is invalid_grant with 400.'],
  [122, 'interoperability', 'MCP Refresh Tokens', 'Every code grant gets a refresh token.'],
];

const revocation: readonly Row[] = [
  [
    125,
    'should',
    'RFC 7009 §2',
    'A client ends its own grant with either token; unknown tokens are answered 200.',
  ],
];

const rowsOfFile: Readonly<Record<string, readonly Row[]>> = {
  'metadata.test.ts': metadata,
  'metadata-documents.test.ts': clientDocuments,
  'token.test.ts': token,
  'revocation.test.ts': revocation,
};

/** The requirements of these files. Ids are those of the tests' names; gaps in the numbering are intended. */
export const ledger: readonly Requirement[] = Object.entries(rowsOfFile).flatMap(([test, rows]) =>
  rows.map(([id, level, source, sentence]) => ({ id, level, source, sentence, test })),
);
