import { type Section, testsOf } from './requirement.ts';

const room = testsOf('src/authorization-server/registration/registration-endpoint.test.ts');
const attacks = testsOf('test/attacks/c-registration.test.ts');
const redirects = testsOf('test/attacks/b-redirect-uris.test.ts');
const consent = testsOf('test/attacks/a-consent.test.ts');
const own = testsOf('test/requirements/registration.test.ts');
const ids = testsOf('src/services/clients/clients.test.ts');
const configured = testsOf('test/flows/pre-registered-clients.test.ts');
const configuration = testsOf('src/gateway/config/file/clients-section.test.ts');
const metadata = testsOf('src/authorization-server/metadata/metadata-endpoint.test.ts');

export const registration: Section = {
  letter: 'D',
  title: 'Dynamic and static registration',
  rows: [
    {
      id: 51,
      level: 'product',
      source: 'MCP Dynamic Client Registration (deprecated)',
      sentence: 'Dynamic registration has a switch, and is not in the metadata when it is off.',
      provedBy: [
        own('51: is off when the operator says so: not there, not announced, and over for nobody'),
        metadata('names the registration endpoint only while clients may register'),
      ],
      refusedBy: [own('51: is off when the operator says so: not there, not announced, and over for nobody')],
    },
    {
      id: 52,
      level: 'must',
      source: 'RFC 7591 §3.2.1; schemas of the SDKs',
      sentence:
        'A registration is a 201 with the id and everything that was registered; no null, no empty text.',
      provedBy: [
        room('answers 201 with everything that was registered, uncacheable'),
        room('leaves out what the client did not send: no null, no empty text'),
      ],
      refusedBy: [room('metadata of a registration › refuses %s')],
    },
    {
      id: 53,
      level: 'interoperability',
      source: 'Python SDK',
      sentence: 'The authentication method of the answer is one that the client can use.',
      provedBy: [room('answers none, without a secret, to a client that asks for %s')],
      deviation:
        'A client that asks for a secret is made public and told so (RFC 7591 §3.2.1 allows it): a secret that is handed to whoever asks authenticates nobody.',
    },
    {
      id: 54,
      level: 'must',
      source: 'RFC 7591 §3.2.2',
      sentence: 'Errors of registration are 400 in JSON, under their two names.',
      provedBy: [own('54: names what is wrong with a registration in JSON, and goes on')],
      refusedBy: [
        room('redirect_uris of a registration › refuses %s'),
        room('metadata of a registration › refuses %s'),
      ],
    },
    {
      id: 55,
      level: 'interoperability',
      source: 'Cursor',
      sentence: 'Redirect URIs of several kinds in one request cost no client its registration.',
      provedBy: [
        own('55: registers three kinds of redirect URI at once, the app scheme where it is enabled'),
      ],
    },
    {
      id: 56,
      level: 'must',
      source: 'RFC 8252 §7.1, §8.4; OAuth 2.1 §2.3.1; MCP Communication Security',
      sentence:
        'App schemes are for native clients; dangerous ones, fragments and http beyond loopback are refused.',
      provedBy: [
        redirects(
          '31: an app scheme is refused unless it is enabled, and then shown as an app on this device',
        ),
      ],
      refusedBy: [
        redirects(
          '29: a URI with a fragment, even an empty one, cannot be registered; an escaped # is no fragment',
        ),
        redirects(
          '30: schemes that run code or leave the browser are refused, also when the operator lists them',
        ),
        redirects('32: plain http is for 127.0.0.1, [::1] and localhost, in that one spelling'),
      ],
      deviation:
        'MCP knows localhost and https alone; Cursor needs an app scheme. The schemes of four editors are taken until the operator names others.',
    },
    {
      id: 57,
      level: 'interoperability',
      source: 'OpenCode and others',
      sentence: 'A client with loopback redirects need not say its `application_type`.',
      provedBy: [own('57: takes loopback redirects of a client that does not say what kind it is')],
    },
    {
      id: 58,
      level: 'should',
      source: 'OpenID Connect Registration §2; MCP Application Type',
      sentence: 'A client that calls itself `web` has https redirects, and is told so.',
      provedBy: [room('allows https to a client of application_type %s')],
      refusedBy: [
        redirects('34: a web client cannot register a loopback or app URI; a native one may register https'),
      ],
    },
    {
      id: 59,
      level: 'interoperability',
      source: 'VS Code',
      sentence: 'Grant types that are not known are dropped.',
      provedBy: [room('drops grant types and response types that it does not know')],
    },
    {
      id: 60,
      level: 'should',
      source: 'CIMD, Implementation Considerations',
      sentence: 'Issued ids cannot be guessed and never look like a URL.',
      provedBy: [
        ids('gives two registrations of the same metadata two ids, with the prefix and never a URL'),
        attacks('47: an issued id is never a URL, a subject, or what the client asked for'),
      ],
    },
    {
      id: 61,
      level: 'product',
      source: 'RFC 7591 §5',
      sentence: 'Registrations are limited in rate and size, take no room, and can be made to end.',
      provedBy: [
        attacks('41: a flood of registrations stores nothing'),
        attacks('49: an expired client is told so, gets nothing more, and can register again'),
      ],
      refusedBy: [
        attacks('41: one address cannot register without end'),
        attacks(
          '50: the largest client that can be registered still has URLs below 4 kB; a larger one is refused',
        ),
      ],
      deviation:
        'A registration lives in its id: what is not used costs nothing, so expiry is off by default.',
    },
    {
      id: 62,
      level: 'must',
      source: 'OAuth 2.1 §3.2.4, §4.1.2.1',
      sentence:
        'A client that is gone is a 401 `invalid_client` at the token endpoint and a page at authorization.',
      provedBy: [attacks('49: an expired client is told so, gets nothing more, and can register again')],
      refusedBy: [
        own('62: a deleted client is invalid_client at the token endpoint and a page at authorization'),
      ],
    },
    {
      id: 63,
      level: 'product',
      source: 'Security Best Practices, Consent UI Requirements',
      sentence: 'What a client says of itself is escaped, bounded, and free of characters that hide others.',
      provedBy: [consent('11: a name is shown as it was registered, isolated from the text around it')],
      refusedBy: [
        consent('11: a client name with %s does not register'),
        consent('13: a name made of %s is text and nothing else'),
        consent('18: the look-alike %o does not register'),
      ],
    },
    {
      id: 64,
      level: 'should',
      source: 'MCP Pre-registration',
      sentence: 'Clients can be in the configuration, public or confidential, their secrets hashed.',
      provedBy: [
        configured('%s signs a person in, refreshes and revokes'),
        configuration('are read, each with what it may do'),
      ],
      refusedBy: [configuration('never repeat a secret that stands in place of its hash')],
    },
  ],
};
