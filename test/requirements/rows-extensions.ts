import { type Section, testsOf } from './requirement.ts';

const metadata = testsOf('src/authorization-server/metadata/metadata-endpoint.test.ts');
const tokens = testsOf('test/attacks/f-token.test.ts');

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
      open: 'The grant type is not served yet.',
    },
    {
      id: 177,
      level: 'must',
      source: 'Enterprise-Managed Authorization',
      sentence:
        'Its client authenticates, the scopes are those all sides allow, and the token is for the resource named.',
      open: 'The grant type is not served yet.',
    },
    {
      id: 178,
      level: 'must',
      source: 'OAuth Client Credentials extension',
      sentence:
        'Client credentials are for confidential clients, for resource and scope asked, and without a refresh token.',
      open: 'The grant type is not served yet.',
    },
    {
      id: 179,
      level: 'must',
      source: 'RFC 9449; SEP-1932',
      sentence: 'Tokens bound by DPoP work with a fresh proof of their key, and never as bearer tokens.',
      open: 'Tokens are not bound yet.',
    },
    {
      id: 180,
      level: 'should',
      source: 'RFC 8414 §2',
      sentence: 'What is off is not in the metadata.',
      provedBy: [metadata('holds exactly what is true of this server')],
      refusedBy: [tokens('92: no grant type but the two that are advertised is served')],
    },
  ],
};
