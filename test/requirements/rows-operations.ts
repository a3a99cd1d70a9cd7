import { type Section, testsOf } from './requirement.ts';

const outbound = testsOf('test/attacks/d-metadata-documents.test.ts');
const network = testsOf('src/platform/outbound/outbound-network.test.ts');
const calls = testsOf('test/system/proxy-calls.test.ts');
const log = testsOf('test/flows/log-canary.test.ts');
const events = testsOf('src/services/audit/event-log.test.ts');
const sealing = testsOf('test/attacks/h-sealing.test.ts');
const rotation = testsOf('test/system/key-rotation.test.ts');
const store = testsOf('test/contracts/store.test.ts');
const refreshing = testsOf('src/authorization-server/token/refresh-token-grant.test.ts');
const settings = testsOf('src/gateway/config/settings-server.test.ts');
const secrets = testsOf('src/gateway/config/settings-grants.test.ts');
const replicas = testsOf('test/flows/two-replicas-redis.test.ts');
const tokens = testsOf('test/attacks/f-token.test.ts');
const own = testsOf('test/requirements/operations.test.ts');

export const operations: Section = {
  letter: 'M',
  title: 'SSRF, secrets, logging and operations',
  rows: [
    {
      id: 168,
      level: 'must',
      source: 'Security Best Practices, SSRF',
      sentence: 'Whatever URL a stranger can choose is fetched by one guarded fetcher.',
      provedBy: [outbound('52: hosts of the public Internet are asked, over both protocols')],
      refusedBy: [
        outbound('51: nothing is sent to %s'),
        outbound('52: nothing is sent to IPv4 inside of IPv6: %s'),
        outbound('53: a thousand alternating answers lead nowhere else'),
        outbound('55: status %i is an error, and nothing is followed'),
        network('dials the very address'),
      ],
    },
    {
      id: 169,
      level: 'product',
      source: 'Security Best Practices, SSRF',
      sentence: 'What the operator configures may be private; what a client names may not.',
      provedBy: [calls('carries a JSON request there and its answer back')],
      refusedBy: [outbound('51: nothing is sent to %s')],
    },
    {
      id: 170,
      level: 'must',
      source: 'MCP Token Theft; OAuth 2.1 §7.1',
      sentence: 'No token, code, secret, cookie or verifier is in a log, an error or a metric.',
      provedBy: [log('says who, what, how it ended, how long it took and under which id')],
      refusedBy: [
        log('holds no token, code, state, verifier, cookie or secret, at any level'),
        log('names a failed code exchange by its reason without an unredeemed code leaking'),
      ],
    },
    {
      id: 171,
      level: 'should',
      source: 'Security Best Practices, Scope Minimization',
      sentence:
        'Registration, consent, login, issue, refresh, reuse and revocation are told, each call under an id.',
      provedBy: [
        own('171: tells of every step from registration to revocation, and who took it'),
        events('spells fields as the access line does'),
      ],
    },
    {
      id: 172,
      level: 'should',
      source: 'RFC 7517; RFC 8414',
      sentence: 'Keys follow each other with an overlap, and no secret of one is published.',
      provedBy: [
        sealing('116: rotation under load refuses nobody, whichever replica read the file first'),
        rotation('takes a new file by itself within seconds, and follows a destroyed key'),
      ],
      deviation: 'The keys are symmetric and seal; none is published, so there is no key set to fetch.',
    },
    {
      id: 173,
      level: 'must',
      source: 'MCP Token Theft',
      sentence: 'Every store keeps secrets sealed or hashed, and has one winner where there may be one.',
      provedBy: [store('has exactly one winner among 256 at once')],
      refusedBy: [refreshing('leaves no token in the store that could be presented by whoever reads it')],
    },
    {
      id: 174,
      level: 'must',
      source: 'MCP Communication Security',
      sentence: 'The issuer is https, loopback excepted; anything else does not start.',
      provedBy: [settings('PROXY_BASE_URL › reads %s as %s')],
      refusedBy: [
        settings('PROXY_BASE_URL › refuses %s, since it %s'),
        secrets('is not memory in production mode'),
      ],
    },
    {
      id: 175,
      level: 'product',
      source: 'several instances',
      sentence: 'With a shared store codes, rotation, replay and limits hold over all instances.',
      provedBy: [
        replicas('signs in at one, refreshes at the other, and a reuse at the first ends it at both'),
        replicas('lets a code be redeemed at one of them only'),
        tokens('82: of 16 parallel redemptions of each of 200 codes over two replicas exactly one succeeds'),
      ],
    },
  ],
};
