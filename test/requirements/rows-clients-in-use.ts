import { type Section, testsOf } from './requirement.ts';

const modern = testsOf('test/e2e/modern-client.test.ts');
const legacy = testsOf('test/e2e/legacy-client.test.ts');
const room = testsOf('src/authorization-server/registration/registration-endpoint.test.ts');
const configured = testsOf('test/e2e/configured-client.test.ts');
const stepUp = testsOf('test/e2e/step-up.test.ts');
const legacyStepUp = testsOf('test/e2e/legacy-step-up.test.ts');
const preRegistered = testsOf('test/flows/pre-registered-clients.test.ts');
const own = testsOf('test/requirements/clients-in-use.test.ts');

export const clientsInUse: Section = {
  letter: 'O',
  title: 'Clients in use',
  rows: [
    {
      id: 181,
      level: 'interoperability',
      source: 'TypeScript SDK, version 2',
      sentence: 'It signs in by document, by registration and by configuration, refreshes, and steps up.',
      provedBy: [
        { step: 'real clients', checks: 'it signs in by registration and by document, and refreshes' },
        configured('signs in, %s, and refreshes, and registers nothing'),
        stepUp('meets a 403 with too little, asks the person for all of it in one go, and gets in'),
        modern('signs in, calls a tool, and the upstream learns who it is and nothing else'),
        modern('goes on without the person when the access token has expired'),
      ],
    },
    {
      id: 182,
      level: 'interoperability',
      source: 'TypeScript SDK, version 1',
      sentence: 'It signs in by registration, refreshes, and steps up without a loop.',
      provedBy: [
        { step: 'real clients', checks: 'it signs in by registration, and refreshes' },
        legacyStepUp(
          'asks the person once for every scope of a call when it cannot refresh, and makes the call',
        ),
        legacyStepUp('refreshes where it could ask, meets the same challenge again, and stops'),
        legacy('signs in, calls a tool, and the upstream learns who it is and nothing else'),
        legacy('goes on in the same session, without the person, when the access token has expired'),
      ],
      deviation:
        'With a refresh token this version refreshes instead of asking for more: it ends at the second 403, and steps up when it has none.',
    },
    {
      id: 183,
      level: 'interoperability',
      source: 'Python SDK',
      sentence: 'It signs in, with its checks of state and issuer.',
      provedBy: [
        { step: 'real clients', checks: 'it signs in by registration and by document, and refreshes' },
      ],
    },
    {
      id: 184,
      level: 'interoperability',
      source: 'mcp-remote',
      sentence:
        'It signs in once, also from another port with an old registration, and keeps a silent stream.',
      provedBy: [
        { step: 'conformance', checks: 'it signs in, and not again at its next start' },
        { step: 'real clients', checks: 'it signs in by registration and by document, and refreshes' },
        own('184: mcp-remote may come back from another port with the registration it has'),
        testsOf('test/system/streams.test.ts')(
          'sends comments between events, never within one or into a coding',
        ),
      ],
    },
    {
      id: 185,
      level: 'interoperability',
      source: 'MCP Inspector',
      sentence: 'A client in a browser finds, registers, gets tokens and calls across origins.',
      provedBy: [
        { step: 'real clients', checks: 'the Inspector’s command line signs in, in both eras' },
        own('185: a client in a browser goes the whole way across origins, preflights and all'),
      ],
    },
    {
      id: 186,
      level: 'interoperability',
      source: 'Claude, Claude Code, ChatGPT, Codex, Cursor, VS Code, Zed, OpenCode',
      sentence: 'What these clients send to register, or publish as their document, is taken.',
      provedBy: [
        room('registers $client'),
        own('186: takes the document of $client'),
        own('186: takes the document of ChatGPT, which signs its name with keys that it hosts'),
      ],
    },
    {
      id: 187,
      level: 'interoperability',
      source: 'the official suite',
      sentence: 'The authorization server scenarios pass as a public and as a confidential client.',
      provedBy: [
        { step: 'conformance', checks: 'both authorization server scenarios, as a public client' },
        preRegistered('%s signs a person in, refreshes and revokes'),
      ],
      refusedBy: [preRegistered('%s gets nothing without its credential')],
      deviation:
        'The suite sends no secret where the metadata lists `none`, as ours does while there are public clients: the confidential run is our own.',
    },
    {
      id: 188,
      level: 'interoperability',
      source: 'the official suite',
      sentence: 'The client scenarios that are not about being an OAuth client pass through the gatehouse.',
      provedBy: [
        { step: 'conformance', checks: 'the twelve client scenarios, directly and through the gatehouse' },
      ],
    },
  ],
};
