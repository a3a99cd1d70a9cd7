import { type Section, testsOf } from './requirement.ts';

const origins = testsOf('src/resource-server/proxy/origin-check.test.ts');
const hosts = testsOf('test/attacks/k-host.test.ts');
const listener = testsOf('test/system/public-listener.test.ts');
const protocol = testsOf('test/system/proxy-protocol.test.ts');
const authorization = testsOf('test/attacks/e-authorization.test.ts');
const settings = testsOf('src/gateway/config/settings-server.test.ts');
const own = testsOf('test/requirements/origins.test.ts');

export const originsAndHosts: Section = {
  letter: 'L',
  title: 'Origin, Host and CORS',
  rows: [
    {
      id: 161,
      level: 'must',
      source: 'MCP Security and Endpoint',
      sentence:
        'A call of a page whose origin is not allowed is a 403; without an origin it is a call like any.',
      provedBy: [origins('may be absent'), origins('may be %s')],
      refusedBy: [origins('may not be %j'), hosts('%s is refused before the token is looked at')],
    },
    {
      id: 162,
      level: 'must',
      source: 'the official suite, dns-rebinding-protection',
      sentence: 'A deployment on loopback answers to names of loopback alone.',
      provedBy: [origins('answers to %s')],
      refusedBy: [origins('does not answer to %j'), listener('is a 403 on a loopback deployment')],
    },
    {
      id: 163,
      level: 'interoperability',
      source: 'MCP Inspector and other clients in a browser',
      sentence:
        'A preflight is answered before authentication, at the mount and at every endpoint for clients.',
      provedBy: [
        own('163: answers the preflight of %s for any origin'),
        protocol('is told in a preflight, without a token, what it may send'),
      ],
    },
    {
      id: 164,
      level: 'interoperability',
      source: 'MCP Inspector and other clients in a browser',
      sentence: 'Scripts may send and read the headers that MCP needs, `Mcp-Param-*` by name.',
      provedBy: [
        protocol('is told in a preflight, without a token, what it may send'),
        own('164: lets a page read the headers of MCP on an answer of the mount'),
      ],
    },
    {
      id: 165,
      level: 'interoperability',
      source: 'MCP Inspector and other clients in a browser',
      sentence: 'Scripts may read refusals as they may read answers.',
      provedBy: [
        protocol('may read answers and refusals alike'),
        own('165: lets scripts read refusals of %s'),
      ],
    },
    {
      id: 166,
      level: 'must',
      source: 'OAuth 2.1 §3.1; RFC 9700 §2.6',
      sentence: 'No script of another origin reads a page of ours, and none brings cookies along.',
      provedBy: [own('163: answers the preflight of %s for any origin')],
      refusedBy: [authorization('76: pages are not readable from other origins')],
    },
    {
      id: 167,
      level: 'should',
      source: 'MCP Security and Endpoint',
      sentence: 'In development the gatehouse listens on loopback; listening further is said.',
      provedBy: [settings('LISTEN_ADDR › is the loopback interface when the public URL is %s')],
      refusedBy: [settings('METRICS_ADDR › warns about %s, which others can reach')],
    },
  ],
};
