import { type Section, testsOf } from './requirement.ts';

const metadata = testsOf('src/authorization-server/metadata/metadata-endpoint.test.ts');
const tokens = testsOf('test/attacks/f-token.test.ts');
const enterprise = testsOf('test/flows/enterprise-managed-authorization.test.ts');
const assertions = testsOf('test/attacks/f-identity-assertions.test.ts');
const keyProofs = testsOf('test/flows/key-proofs.test.ts');
const stolenProofs = testsOf('test/attacks/j-key-proofs.test.ts');
const clientCredentials = testsOf('test/flows/client-credentials.test.ts');

export const extensions: Section = {
  letter: 'N',
  title: 'Extensions',
  rows: [
    {
      id: 176,
      level: 'must',
      source: 'Enterprise-Managed Authorization, authorization server processing',
      sentence:
        'An ID-JAG counts with its type, a listed algorithm, a trusted issuer, us as its only audience, its times, its client, and once.',
      provedBy: [enterprise('exchanges an assertion for an access token, and gives no refresh token')],
      refusedBy: [
        assertions('82: of many exchanges of one assertion at two replicas, one gets a token'),
        assertions('84: the assertion of another client is refused, and one that names none'),
        assertions('85: an assertion for another server, or for several, is refused: %j'),
        assertions('86: a token of the same issuer that is for something else is refused: typ %s'),
        assertions('an assertion with %j is refused as %s'),
        assertions('one that is too old, from the future, or for too long is refused'),
        assertions(
          'one that nobody signed, or somebody else, is refused: none, symmetric, another key, altered',
        ),
      ],
    },
    {
      id: 177,
      level: 'must',
      source: 'Enterprise-Managed Authorization',
      sentence:
        'Its client authenticates, the scopes are those all sides allow, and the token is for the resource named.',
      provedBy: [
        enterprise('grants what assertion (%j) and request (%s) have in common: %s'),
        enterprise('is what the official client SDK does, with a client of the configuration'),
        enterprise('is in the metadata, and only when somebody is trusted'),
      ],
      refusedBy: [
        assertions('88: without a credential of the client, or with another’s, nothing is exchanged'),
        assertions('88: a public client gets nothing, although the issuer may send it'),
        assertions('144: a resource that its issuer may not send people to is refused, the others are not'),
        enterprise('refuses when they have nothing in common'),
      ],
    },
    {
      id: 178,
      level: 'must',
      source: 'OAuth Client Credentials extension',
      sentence:
        'Client credentials are for confidential clients, for resource and scope asked, and without a refresh token.',
      provedBy: [
        clientCredentials('let a client call for itself, and the upstream is told of no person'),
        clientCredentials('are what the official client SDK asks for, with a secret'),
        clientCredentials('are what the official client SDK asks for, with a key'),
        clientCredentials('are in the metadata, and exist, only while a client may use them'),
      ],
      refusedBy: [
        testsOf('src/authorization-server/token/client-credentials-grant.test.ts')('refuses %j: %s'),
        clientCredentials('are good for the mount of the client alone'),
      ],
    },
    {
      id: 179,
      level: 'must',
      source: 'RFC 9449; SEP-1932',
      sentence: 'Tokens bound by DPoP work with a fresh proof of their key, and never as bearer tokens.',
      provedBy: [
        keyProofs('are given to who proves one, and are good with it alone'),
        keyProofs('are given once for a proof, whichever replica gets it'),
        keyProofs('come for a code that its request bound to the key, and for no other key'),
        keyProofs(
          'are given for a proof that names our nonce, where it has to, and each answer tells the next one',
        ),
        keyProofs('are in the metadata where DPOP is %s, and only as far as they are taken'),
        testsOf('test/e2e/openid-client-dpop.test.ts')('signs in, calls and refreshes with %s'),
        testsOf('test/e2e/modern-client-dpop.test.ts')(
          'signs in, calls tools, and refreshes when time has passed',
        ),
      ],
      refusedBy: [
        keyProofs('are refreshed with their key alone, and a refusal costs the client nothing'),
        stolenProofs('comes again and is refused, on any connection'),
        stolenProofs('of another key is refused, though it is good'),
        stolenProofs('names a nonce for later, with the tag of today, and is refused when its time has come'),
        stolenProofs('a bound token as a bearer token is refused, with a proof and without'),
        stolenProofs('a token that is not bound is refused with a proof of any key'),
      ],
    },
    {
      id: 180,
      level: 'should',
      source: 'RFC 8414 §2',
      sentence: 'What is off is not in the metadata.',
      provedBy: [
        metadata('holds exactly what is true of this server'),
        enterprise('is in the metadata, and only when somebody is trusted'),
        testsOf('test/flows/device-authorization.test.ts')('is in the metadata, and only when it is on'),
      ],
      refusedBy: [tokens('92: no grant type but the two that are advertised is served')],
    },
  ],
};
