import { type Section, testsOf } from './requirement.ts';

const documents = testsOf('test/requirements/metadata-documents.test.ts');
const attacks = testsOf('test/attacks/d-metadata-documents.test.ts');
const keys = testsOf('test/attacks/d-client-keys.test.ts');
const urls = testsOf('src/protocol/client-id-url.test.ts');
const fetching = testsOf('src/platform/outbound/guarded-fetch.test.ts');
const hostSettings = testsOf('src/gateway/config/settings-client-documents.test.ts');

const signsIn = attacks('a document signs a person in, and its host is shown');

export const clientDocuments: Section = {
  letter: 'C',
  title: 'Client ID metadata documents',
  rows: [
    {
      id: 30,
      level: 'must',
      source: 'CIMD, Client Identifier URL',
      sentence: 'The URL is https with a path; no dot segments, fragment or user information.',
      provedBy: [signsIn, urls('accepts %s')],
      refusedBy: [documents('30: takes an https URL with a path, and no other form')],
      deviation: 'Stricter than the draft: a query, or a host not in lower case, is refused too.',
    },
    {
      id: 31,
      level: 'must',
      source: 'CIMD, Client Identifier URL; RFC 3986 §6.2.1',
      sentence: 'A client id is kept and compared as it came; one that names port 443 is another client.',
      provedBy: [documents('31: keeps a client id as it came')],
      refusedBy: [documents('31: keeps a client id as it came')],
    },
    {
      id: 32,
      level: 'must',
      source: 'CIMD; MCP Client ID Metadata Documents, Implementation Requirements',
      sentence: 'A document that says another `client_id` than its URL is refused.',
      provedBy: [signsIn],
      refusedBy: [documents('32: refuses a document of another address')],
    },
    {
      id: 33,
      level: 'must',
      source: 'MCP Client ID Metadata Documents, Implementation Requirements',
      sentence: 'A document is a JSON object with `client_id`, `client_name` and `redirect_uris`.',
      provedBy: [signsIn],
      refusedBy: [
        documents('33: refuses a document with %o'),
        documents('33: refuses what is no JSON object'),
      ],
    },
    {
      id: 34,
      level: 'must',
      source: 'CIMD, Client Information Discovery',
      sentence: 'Status 200 alone counts; redirects are not followed.',
      provedBy: [signsIn],
      refusedBy: [
        documents('34: takes status 200 alone'),
        attacks('55: status %i is an error, and nothing is followed'),
      ],
    },
    {
      id: 35,
      level: 'should',
      source: 'CIMD, Client ID Metadata Document',
      sentence: 'The content type is `application/json` or ends in `+json`.',
      provedBy: [attacks('58: as many bytes as are allowed are read, in every JSON type')],
      refusedBy: [documents('35: takes JSON content types alone')],
    },
    {
      id: 36,
      level: 'should',
      source: 'CIMD, Maximum Response Size',
      sentence: 'What is read is capped in bytes, time and number.',
      provedBy: [attacks('58: as many bytes as are allowed are read, in every JSON type')],
      refusedBy: [
        documents('36: reads 10 KiB and no more'),
        attacks('58: an answer that never ends does not keep anybody'),
      ],
      deviation:
        'The cap is 10 KiB and no setting: twice what the draft recommends, far above documents in use.',
    },
    {
      id: 37,
      level: 'must',
      source: 'CIMD, SSRF; RFC 6890; Security Best Practices, SSRF',
      sentence:
        'No address that is not public is contacted, in any notation, and only the address that was judged.',
      provedBy: [attacks('52: hosts of the public Internet are asked, over both protocols')],
      refusedBy: [
        documents('37: contacts no address that is not public'),
        attacks('51: nothing is sent to %s'),
        attacks('52: nothing is sent to IPv4 inside of IPv6: %s'),
        attacks('53: the address that was judged is the one that is asked, under the name'),
        attacks('54: a name with public and private addresses is refused outright'),
      ],
    },
    {
      id: 38,
      level: 'must',
      source: 'CIMD draft -02, SSRF',
      sentence: 'The same guard stands before every URL that a document names.',
      provedBy: [keys('are fetched when they are needed, once for many')],
      refusedBy: [
        documents('38: fetches nothing that a document names'),
        keys('52, 53: of a host that points to this network meanwhile are not fetched'),
      ],
    },
    {
      id: 39,
      level: 'must',
      source: 'CIMD, SSRF',
      sentence: 'Documents on loopback are for development on that loopback alone.',
      provedBy: [documents('39: takes loopback in development on loopback alone')],
      refusedBy: [documents('39: takes loopback in development on loopback alone')],
    },
    {
      id: 40,
      level: 'must',
      source: 'CIMD, Metadata Caching',
      sentence: 'Documents are kept for as long as HTTP says, within bounds; errors and bad documents never.',
      provedBy: [documents('40: keeps documents within bounds, and no errors')],
      refusedBy: [attacks('60: no error is kept: what is good ten seconds later is taken')],
      deviation:
        'A failure is remembered for ten seconds: without that every request would be a fetch at the asker’s will.',
    },
    {
      id: 41,
      level: 'should',
      source: 'CIMD, Metadata Discovery Errors',
      sentence: 'A document that cannot be had is a page, never a redirect; nobody is logged out by it.',
      provedBy: [
        documents('41: shows a page when the document cannot be had, and redirects nowhere'),
        documents('41: a host that is down logs nobody out'),
        documents(
          '41: a process that never read the document says try again, or that there is no such client',
        ),
      ],
    },
    {
      id: 42,
      level: 'must',
      source: 'CIMD, Credential Restrictions',
      sentence: 'A document with a shared secret, a method that needs one, or a private key is refused.',
      provedBy: [signsIn],
      refusedBy: [
        documents('42: takes no secret and no private key'),
        attacks('59: a document with %s is refused on a page of ours'),
      ],
    },
    {
      id: 43,
      level: 'must',
      source: 'CIMD, Client Authentication; RFC 7523 §2.2',
      sentence:
        'A client whose document says `private_key_jwt` gets nothing at the token endpoint without it.',
      provedBy: [keys('a client redeems, refreshes and revokes with %s')],
      refusedBy: [keys('65: who signs its name is not enough: other credentials, or none, are refused')],
    },
    {
      id: 44,
      level: 'must',
      source: 'OAuth 2.1 §2.4, §4.3.1',
      sentence: 'A client without authentication is public: PKCE and rotation hold for it.',
      provedBy: [documents('44: holds such a client to PKCE and rotation')],
      refusedBy: [documents('44: gives nothing of it to another client, and takes it back')],
    },
    {
      id: 45,
      level: 'interoperability',
      source: 'documents of Claude, ChatGPT and VS Code',
      sentence: 'Members, grant types and response types that are not known are passed over.',
      provedBy: [documents('45: ignores what it does not know')],
    },
    {
      id: 46,
      level: 'must',
      source: 'MCP Client ID Metadata Documents, Implementation Requirements; RFC 8252 §7.3',
      sentence: 'The redirect URI is one of the document; only the port of a loopback one is free.',
      provedBy: [documents('46: takes a redirect URI of the document, and any port of loopback')],
      refusedBy: [documents('46: takes a redirect URI of the document, and any port of loopback')],
    },
    {
      id: 47,
      level: 'product',
      source: 'CIMD, Changes in Client Metadata',
      sentence: 'A document that changed is asked about anew; here the person is asked every time.',
      provedBy: [
        documents('47: asks the person every time'),
        attacks(
          '61: a changed document is asked about again, and what it gained goes to nobody without being shown',
        ),
      ],
    },
    {
      id: 48,
      level: 'product',
      source: 'MCP Trust Policies',
      sentence: 'Hosts can be allowed and denied.',
      provedBy: [documents('48: takes the hosts that are allowed')],
      refusedBy: [
        documents('48: with %o nothing is fetched'),
        hostSettings('CIMD_ALLOWED_HOSTS › refuses %s, without repeating it'),
      ],
    },
    {
      id: 49,
      level: 'should',
      source: 'CIMD, Displaying Logos',
      sentence: 'Logos come from our own origin or are not shown; here they are not shown.',
      provedBy: [documents('49: shows no logo')],
    },
    {
      id: 50,
      level: 'product',
      source: 'MCP Authorization Server Abuse Protection',
      sentence: 'Fetches come after the cheap checks, so many and no more, and one for all who ask at once.',
      provedBy: [
        documents('50: fetches once for all who ask at the same time'),
        attacks('62: requests at the same time wait for one fetch, and few fetches go on at once'),
      ],
      refusedBy: [
        attacks('62: one host is asked so often and no more, and the answer comes at once'),
        fetching('stops reading an endless body and closes the connection'),
      ],
    },
  ],
};
