/** What it costs to judge a call: its head, a body of 1 kB, and the decision; and what the rules add to a list of 50 tools. */
import { createMountPolicy } from '../src/gateway/mount-policy.ts';
import type { CallJudge, JudgedCall } from '../src/resource-server/policy/call-judge.ts';
import { fingerprintClientId } from '../src/services/clients/client.ts';
import type { PolicyRules } from '../src/services/policy/rule.ts';
import { noScopes } from '../src/services/resources/resource.ts';
import type { GrantTerms } from '../src/services/tokens/grant-terms.ts';
import { times } from './effort.ts';
import { makeTerms } from './issue-code.ts';
import { ownCpuSeconds, spread, type Spread } from './measure.ts';

const calls = times(50_000, 50);
const rounds = times(7, 1);

export interface PolicyBench {
  readonly bodyBytes: number;
  readonly rules: number;
  readonly legacyCallMicroseconds: Spread;
  readonly modernCallMicroseconds: Spread;
  readonly listBytes: number;
  readonly listMicroseconds: Spread;
}

export function benchPolicy(): Promise<PolicyBench> {
  const judge = openJudge();
  const grant = {
    ...makeTerms(fingerprintClientId('bench'), 'https://x.example/mcp'),
    groups: ['staff', 'a', 'b'],
  };
  const legacy = callBody({});
  const modern = callBody({ 'io.modelcontextprotocol/protocolVersion': '2026-07-28' });
  const list = Buffer.from(toolList());
  const listing = begin(judge, grant, []);
  listing.judgeBody(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'));
  return Promise.resolve({
    bodyBytes: legacy.length,
    rules: rules.rules.length,
    legacyCallMicroseconds: measure(calls, () => judgeCall(judge, grant, [], legacy)),
    modernCallMicroseconds: measure(calls, () => judgeCall(judge, grant, mirrors, modern)),
    listBytes: list.length,
    listMicroseconds: measure(calls / 50, () => {
      if (listing.filter(list) === undefined) throw new Error('a good list was refused');
    }),
  });
}

const mirrors = [
  'mcp-protocol-version',
  '2026-07-28',
  'mcp-method',
  'tools/call',
  'mcp-name',
  'search_documents',
];

/** Twenty rules, of which half speak of the person; the one that allows comes last. */
const rules: PolicyRules = {
  otherwise: 'deny',
  rules: [
    ...Array.from({ length: 19 }, (_, index) => ({
      name: `rule ${index}`,
      effect: index % 4 === 0 ? ('deny' as const) : ('allow' as const),
      what: { tools: [`tool_${index}`, `*_dangerous_${index}`, `admin_${index}_*`] },
      to: [{ groups: [index % 2 === 0 ? 'staff' : 'others'] }],
      except: [],
      scopes: [],
    })),
    { name: 'search', effect: 'allow', what: { tools: ['search_*'] }, to: undefined, except: [], scopes: [] },
  ],
};

function openJudge(): CallJudge {
  const judge = createMountPolicy(rules, {
    mount: { name: 'bench', path: '/mcp' },
    scopes: noScopes,
    identityIssuer: 'https://idp.example',
    scopeCheck: { judgeNeeds: () => undefined },
    emit: () => undefined,
  }).findJudge();
  if (judge === undefined) throw new Error('there are no rules');
  return judge;
}

function begin(judge: CallJudge, grant: GrantTerms, headers: readonly string[]): JudgedCall {
  const rawHeaders = [
    'host',
    'x',
    'content-type',
    'application/json',
    'accept',
    'application/json',
    ...headers,
  ];
  const call = judge.begin({ method: 'POST', target: '/mcp', rawHeaders, grant, requestId: 'r' });
  if ('reason' in call) throw new Error('a good head was refused');
  return call;
}

function judgeCall(judge: CallJudge, grant: GrantTerms, headers: readonly string[], body: Buffer): void {
  const { refusal } = begin(judge, grant, headers).judgeBody(body);
  if (refusal !== undefined) throw new Error('a good call was refused');
}

/** A call of 1 kB: some text, some numbers, objects in objects. */
function callBody(meta: Readonly<Record<string, string>>): Buffer {
  const call = (text: string): string =>
    JSON.stringify({
      jsonrpc: '2.0',
      id: 17,
      method: 'tools/call',
      params: {
        name: 'search_documents',
        arguments: {
          query: text,
          filters: { year: { from: 2020, to: 2026 }, kinds: ['report', 'minutes', { not: 'draft' }] },
          page: { limit: 20, offset: 40 },
          fields: ['title', 'author', 'summary', 'updated_at'],
        },
        _meta: { progressToken: 'token-17', ...meta },
      },
    });
  return Buffer.from(call('lorem ipsum '.repeat(100).slice(0, 1024 - call('').length)));
}

function toolList(): string {
  const tools = Array.from({ length: 50 }, (_, index) => ({
    name: index % 2 === 0 ? `search_${index}` : `admin_${index}`,
    description: 'Finds what somebody looks for, and says where it was found. '.repeat(4),
    inputSchema: { type: 'object', properties: { query: { type: 'string' }, limit: { type: 'integer' } } },
  }));
  return JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } });
}

/** Microseconds of CPU for one. The first round warms up. */
function measure(count: number, operation: () => void): Spread {
  const values: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const begun = ownCpuSeconds();
    for (let done = 0; done < count; done += 1) operation();
    const each = ((ownCpuSeconds() - begun) / count) * 1e6;
    if (round > 0) values.push(each);
  }
  return spread(values, 2);
}
