import { type Section, testsOf } from './requirement.ts';

const calls = testsOf('test/system/proxy-calls.test.ts');
const protocol = testsOf('test/system/proxy-protocol.test.ts');
const proxied = testsOf('test/system/proxy-streams.test.ts');
const streams = testsOf('test/system/streams.test.ts');
const redirects = testsOf('test/attacks/m-upstream.test.ts');
const stalls = testsOf('test/attacks/m-stalls.test.ts');
const framing = testsOf('test/attacks/l-framing.test.ts');
const bodies = testsOf('test/attacks/l-bodies.test.ts');
const sizes = testsOf('test/attacks/l-sizes.test.ts');
const headerAttacks = testsOf('test/attacks/k-headers.test.ts');
const requestHeaders = testsOf('src/resource-server/proxy/request-headers.test.ts');
const responseHeaders = testsOf('src/resource-server/proxy/response-headers.test.ts');
const neighbours = testsOf('test/attacks/j-neighbours.test.ts');
const legacy = testsOf('test/e2e/legacy-client.test.ts');
const shutdown = testsOf('test/system/shutdown-streams.test.ts');
const own = testsOf('test/requirements/proxy.test.ts');

const policy = testsOf('test/policy/calls.test.ts');
const policyAttacks = testsOf('test/attacks/n-policy.test.ts');
const json = testsOf('src/services/requests/strict-json.test.ts');

const sessions = testsOf('test/attacks/j-sessions.test.ts');
const binding = testsOf('src/resource-server/proxy/session-binding.test.ts');

const suite = {
  step: 'conformance',
  checks:
    'every server scenario of the official suite gives the same result directly and through the gatehouse',
};

export const proxying: Section = {
  letter: 'K',
  title: 'Proxying Streamable HTTP',
  rows: [
    {
      id: 140,
      level: 'product',
      source: 'the official suite',
      sentence: 'Both requirement sets come out the same directly and through the gatehouse.',
      provedBy: [suite],
    },
    {
      id: 141,
      level: 'must',
      source: 'MCP Receiving Messages',
      sentence: 'Events pass one by one as they come, not compressed, for as long as they come.',
      provedBy: [
        proxied('arrives event by event: each is answered before the next is sent'),
        proxied('shows its head before the first event'),
        streams('passes each write of the upstream as it comes: %s'),
      ],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 142,
      level: 'should',
      source: 'MCP Receiving Messages; mcp-remote',
      sentence: 'Streams say that nobody may hold them back, and can be kept awake between two events.',
      provedBy: [
        proxied('is marked so that nobody on the way holds events back'),
        streams('sends comments between events, never within one or into a coding'),
      ],
      deviation:
        'Comments are off until SSE_KEEPALIVE_INTERVAL is set: unasked, every byte of a stream is the upstream’s.',
    },
    {
      id: 143,
      level: 'must',
      source: 'MCP Cancellation',
      sentence:
        'A client that leaves ends the upstream’s request at once; an upstream that breaks off is seen to.',
      provedBy: [
        proxied('frees the upstream before it has answered'),
        proxied('frees the upstream in mid-stream'),
      ],
      refusedBy: [
        proxied('in an answer with %s is seen by the client as broken'),
        stalls('184: a client that leaves frees the upstream, in the middle of a stream'),
      ],
    },
    {
      id: 144,
      level: 'must',
      source: 'MCP 2025-11-25 Sending Messages to the Server',
      sentence:
        'To an older upstream a client that leaves is no cancel message: nothing is sent in its name.',
      provedBy: [own('144: sends nothing to the upstream in the name of a client that leaves')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 145,
      level: 'must',
      source: 'MCP Server Behavior for Custom Headers; MCP 2025-11-25 Transports',
      sentence: 'Headers of MCP, known or not, and those of tracing pass to the upstream as they came.',
      provedBy: [
        protocol('sends every mirrored header, known or not, unchanged'),
        protocol('sends session, version, event id and what is accepted, and brings the session back'),
        requestHeaders('let %s pass unchanged'),
      ],
      refusedBy: [protocol('refuses a mirrored header that comes twice')],
    },
    {
      id: 146,
      level: 'must',
      source: 'MCP Backward Compatibility; Protocol Version Header',
      sentence:
        'Status, session, type, Retry-After and error bodies of the upstream pass to the client as they came.',
      provedBy: [
        calls('passes a %i with its body unchanged'),
        protocol('hands a session that ended, 404 with its body, to the client'),
        responseHeaders('let %s pass unchanged'),
      ],
      refusedBy: [responseHeaders('join lines of a list and refuse two media types or sessions')],
      deviation: 'A session id comes with a tag behind it (151); SESSION_BINDING=off passes it as it is.',
    },
    {
      id: 147,
      level: 'product',
      source: 'MCP Token Passthrough',
      sentence: 'A challenge of the upstream is not handed on as if it were ours.',
      provedBy: [calls('is a 502 when it refuses the credential of the gateway')],
    },
    {
      id: 148,
      level: 'must',
      source: 'MCP 2025-11-25 Listening for Messages, Session Management',
      sentence: 'GET and DELETE are the upstream’s to answer.',
      provedBy: [
        calls('forwards DELETE, and the 405 that the upstream has for it'),
        legacy('receives notifications of the server on the stream it listens to'),
        legacy('ends its session at the upstream'),
      ],
      refusedBy: [protocol('%s with a body is a 400')],
    },
    {
      id: 149,
      level: 'must',
      source: 'MCP Sending Messages to the Server',
      sentence: 'A 202 without a body stays one.',
      provedBy: [calls('leaves a 202 without a body as it is')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 150,
      level: 'must',
      source: 'MCP 2025-11-25 Resumability and Redelivery',
      sentence: 'Event ids, `retry` and empty events pass untouched, and a stream goes on where it stopped.',
      provedBy: [
        legacy('continues a stream that the server closed in the middle of a call'),
        own('150: passes ids, retry and empty events byte for byte, and the id back'),
      ],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 151,
      level: 'should',
      source: 'Security Best Practices, State Handle Hijacking; MCP 2025-11-25 Session Management',
      sentence:
        'A session is its person’s and client’s: for anybody else it is a 404, and it never stands for a token.',
      provedBy: [
        sessions(
          '148: is its own, whatever tokens the client has meanwhile, and the upstream knows it by its own name',
        ),
        sessions('148: is found again by another process'),
      ],
      refusedBy: [
        sessions("148: is no one else's, by %s"),
        binding('does not know it at another mount, or of another deployment'),
      ],
      deviation:
        'The id that clients see has a tag of ours behind it: nothing has to be stored for the binding.',
    },
    {
      id: 152,
      level: 'should',
      source: 'MCP Server Validation',
      sentence:
        'A rule for a call is applied to what its body says, never to a header that could say otherwise.',
      provedBy: [policyAttacks('decides by the body, whatever the headers say')],
    },
    {
      id: 153,
      level: 'must',
      source: 'MCP Value Encoding, Server Validation',
      sentence: 'Where a rule reads the body, a header that says otherwise is a 400 with code -32020.',
      provedBy: [
        protocol('sends every mirrored header, known or not, unchanged'),
        policyAttacks('passes what agrees, encoded where it has to be'),
      ],
      refusedBy: [policyAttacks('%s is refused with -32020'), policyAttacks('a second line is refused: %s')],
    },
    {
      id: 154,
      level: 'product',
      source: 'MCP 2025-03-26 Transports',
      sentence: 'In a batch every element is judged, and no duplicate key smuggles a method.',
      provedBy: [policy('judges every call of a batch, and forwards all or none')],
      refusedBy: [json('refuses exactly the objects that repeat or escape a member name at some depth')],
    },
    {
      id: 155,
      level: 'product',
      source: 'RFC 9110 §15.5.14',
      sentence: 'Bodies, heads and the time for them are capped.',
      provedBy: [
        proxied('is refused by its length, and the connection stays usable'),
        proxied('is refused by its bytes when it has no length, and the upstream is let go'),
        proxied('cuts off a client that does not stop'),
        sizes('173: %s are refused, not cut short'),
      ],
    },
    {
      id: 156,
      level: 'must',
      source: 'RFC 9110 §7.6.1; RFC 9112 §6',
      sentence: 'Headers of one connection stop here; two framings are refused; Expect is answered.',
      provedBy: [bodies('168: Expect is between the client and us, and the body behind it is framed anew')],
      refusedBy: [
        framing('163: %s'),
        headerAttacks('%s takes none away'),
        bodies('168: an expectation %s is a 417, and what follows it is not heard'),
      ],
    },
    {
      id: 157,
      level: 'product',
      source: 'Security Best Practices, SSRF',
      sentence: 'A redirect of the upstream leads nowhere outside its mount, and is not passed on.',
      provedBy: [
        redirects('182: a 307 to %s is not followed'),
        redirects('182: a %i to another port of its host is not followed'),
      ],
      deviation: 'Within the mount (a slash that is missing) it is followed with what every call carries.',
    },
    {
      id: 158,
      level: 'must',
      source: 'MCP Caching',
      sentence: 'Nothing that an upstream says is kept for anybody else.',
      provedBy: [own('158: asks the upstream each time, however long an answer may be kept')],
      refusedBy: [
        neighbours(
          '149: gets the answer to their own call, among a thousand with the same JSON-RPC id from fifty people',
        ),
      ],
    },
    {
      id: 159,
      level: 'interoperability',
      source: 'MCP Backward Compatibility',
      sentence:
        'An upstream in trouble is a 502 or 504 in JSON, never a status that clients take for an older server.',
      provedBy: [
        calls('is a 502 when nobody listens'),
        calls('is a 502 when it hangs up before it answers'),
        calls('is a 504 when it does not answer in time'),
      ],
    },
    {
      id: 160,
      level: 'product',
      source: 'operations',
      sentence: 'A shutdown lets calls end and ends listening streams between two events.',
      provedBy: [
        shutdown('waits for the stream that answers a call'),
        streams('ends a stream between two events, with a pause for its client'),
        streams('is preceded by readiness, and by a time in which all goes on'),
      ],
    },
  ],
};
