import type { ConfigFile } from '../gateway/config/file/config-file.ts';
import { type GivenConfig, readGivenConfig } from '../gateway/config/file/given-file.ts';
import type { Environment, ReadFile } from '../gateway/config/read-settings.ts';
import { expandScope } from '../protocol/scope.ts';
import { createPolicy, type Decision, decidedBy, plumbing } from '../services/policy/policy.ts';
import type { Operation, PolicyCaller } from '../services/policy/rule.ts';
import { CommandFailure } from './failure.ts';
import { type ClientReach, judgeClient, refuseUnknownScopes } from './policy-client.ts';
import { type EntryAnswer, judgeEntry } from './policy-entry.ts';
import { readProviders } from './policy-providers.ts';
import {
  callerOf,
  describeCaller,
  loginOf,
  namesPerson,
  operationOf,
  type PolicyQuestion,
  scopesOf,
} from './policy-question.ts';

export type { PolicyQuestion } from './policy-question.ts';

export interface PolicyAnswer {
  readonly isAllowed: boolean;
  readonly decision: Decision;
  /** Ends in a line break. */
  readonly text: string;
}

type Mount = NonNullable<ConfigFile['mounts']>[0];
type Reason = readonly [decision: Decision, why: string];

/**
 * Says what becomes of a call at a mount, in the order in which a server judges: who may enter, what the client may have,
 * the scopes that every call needs, the policy. By the file, and the variables beside it where there are some; no secret is
 * needed.
 * @param readFile throws when there is no such file
 * @throws CommandFailure when the file is not good, or the question is not one
 */
export function checkPolicy(
  question: PolicyQuestion,
  readFile: ReadFile,
  env: Environment = {},
): PolicyAnswer {
  const { given, sections } = readSections(question, readFile, env);
  const mount = findMount(question, sections);
  const operation = operationOf(question);
  const asked = scopesOf(question);
  refuseUnknownScopes(asked, mount);
  const providers = readProviders(given, mount);
  const named = callerOf(question, providers.homeIssuer);
  const reach = judgeClient(sections, mount, named.client, asked);
  const ownSubject = namesPerson(question) ? undefined : reach.ownSubject;
  const isItself = ownSubject !== undefined;
  // A client that acts for itself is no person of any provider, and entry rules are not about it.
  const caller: PolicyCaller = isItself ? asItself(named, ownSubject, given.env) : named;
  const entry: EntryAnswer = isItself
    ? { refusedBy: undefined, notJudged: [] }
    : judgeEntry(sections, mount, { caller, login: loginOf(question), homeIssuer: providers.homeIssuer });
  const groups = isItself ? undefined : providers.findRefusal(caller);
  const [decision, why] =
    refuseEntry(groups ?? entry.refusedBy) ??
    refuseClient(reach) ??
    judgeRequired(mount, reach) ??
    judgePolicy(mount, { operation, caller, reach, homeIssuer: providers.homeIssuer });
  const rows: (readonly [string, string])[] = [
    ['decided by', decision.rule],
    ['since', why],
    ['mount', mount.name],
    ['call', `${operation.method} ${operation.name}`.trim()],
    ['as', isItself ? `${describeCaller(question)}, for itself` : describeCaller(question)],
    ...listUnknowns(entry, decision),
    ...listLost(asked, reach),
  ];
  const text = rows.map(([label, value]) => `  ${label.padEnd(10)}  ${value}\n`).join('');
  return {
    isAllowed: decision.outcome === 'allowed',
    decision,
    text: `${titles[decision.outcome]}\n${text}`,
  };
}

const noPolicy = '(no policy)';
const requiredScopes = '(required scopes)';
const titles = { allowed: 'allowed', denied: 'denied', scopes: 'denied for want of scopes' } as const;

/** As tokens have it that a client gets for itself: known to this server alone. */
function asItself(named: PolicyCaller, subject: string, env: Environment): PolicyCaller {
  const identityIssuer = URL.parse(env['PROXY_BASE_URL'] ?? '')?.origin ?? '(this server)';
  return { ...named, identityIssuer, subject };
}

function readSections({ config }: PolicyQuestion, readFile: ReadFile, env: Environment) {
  if (config === undefined)
    throw new CommandFailure('no file is named', 'give --config, or set GATEHOUSE_CONFIG');
  const given: GivenConfig = readGivenConfig({ ...env, GATEHOUSE_CONFIG: config }, readFile);
  const { path, sections, problems } = given;
  const [problem] = problems;
  if (path === undefined && problem !== undefined) {
    const what = problem.problem.replace('names a file that', 'the configuration file');
    throw new CommandFailure(what, `give its path as --config; ${problem.fix}`);
  }
  if (sections !== undefined && problem === undefined) return { given, sections };
  throw new CommandFailure('the configuration file is not good', 'gatehouse check-config says what is wrong');
}

function findMount({ mount: wanted }: PolicyQuestion, { mounts = [] }: ConfigFile): Mount {
  const found =
    wanted === undefined && mounts.length === 1 ? mounts[0] : mounts.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = mounts.map(({ name }) => name).join(', ');
  throw new CommandFailure(
    wanted === undefined ? 'no mount is named' : 'there is no mount of that name',
    names === '' ? 'the file has no mounts' : `give --mount with one of: ${names}`,
  );
}

function refuseEntry(key: string | undefined): Reason | undefined {
  if (key === undefined) return undefined;
  return [{ outcome: 'denied', rule: key }, 'they may not enter: what is not known of them counts as absent'];
}

function refuseClient({ refusedBy }: ClientReach): Reason | undefined {
  return refusedBy && [{ outcome: 'denied', rule: refusedBy.key }, refusedBy.why];
}

function judgeRequired({ scopes }: Mount, reach: ClientReach): Reason | undefined {
  const { required } = scopes;
  const held = expandScope(reach.scopes, scopes);
  if (required.every((name) => held.has(name))) return undefined;
  if (required.some((name) => !held.has(name) && reach.obtainable?.has(name) === false)) {
    return [
      { outcome: 'denied', rule: requiredScopes },
      'every call needs them, and the client never gets them',
    ];
  }
  const why = `every call needs ${required.join(' ')}; the client is told, and asks the person`;
  return [{ outcome: 'scopes', rule: requiredScopes, scopes: required }, why];
}

interface Asked {
  readonly operation: Operation;
  readonly caller: PolicyCaller;
  readonly reach: ClientReach;
  readonly homeIssuer: string;
}

function judgePolicy({ policy, scopes }: Mount, { operation, caller, reach, homeIssuer }: Asked): Reason {
  if (policy === undefined) return [{ outcome: 'allowed', rule: noPolicy }, 'the mount has none'];
  const held = expandScope(reach.scopes, scopes);
  const decision = createPolicy(policy, homeIssuer).for(caller).decide(operation, held, reach.obtainable);
  const rule = policy.rules.find(({ name }) => name === decision.rule);
  if (decision.outcome === 'denied' && rule?.effect === 'allow') {
    return [decision, `the rule asks for ${rule.scopes.join(' ')}, and the client never gets all of them`];
  }
  return [decision, whyOf(decision)];
}

function whyOf(decision: Decision): string {
  switch (decision.outcome) {
    case 'denied':
      if (decision.rule === decidedBy.default) return 'no rule allows it, and the default is deny';
      return decision.rule === decidedBy.spelling
        ? 'servers read such a URI in several ways'
        : 'a denial that fits decides, whatever else fits';
    case 'scopes':
      return `the rule allows it to tokens with ${decision.scopes.join(' ')}; the client is told, and asks the person`;
    case 'allowed':
      if (decision.rule === decidedBy.default) return 'no rule is about it, and the default is allow';
      return decision.rule === decidedBy.plumbing
        ? `no session is without it; so are ${plumbing.size - 1} other methods`
        : 'the rule allows it, and no other denies it';
  }
}

/** What decides beside this, where it is not a denial already. */
function listUnknowns({ notJudged }: EntryAnswer, { outcome }: Decision): (readonly [string, string])[] {
  if (notJudged.length === 0 || outcome === 'denied') return [];
  const advice = 'give --acr, --amr or --login-age';
  return [['provided', `the login satisfies ${notJudged.join(', ')}, which is not known here; ${advice}`]];
}

function listLost(asked: readonly string[], { scopes }: ClientReach): (readonly [string, string])[] {
  const lost = asked.filter((name) => !scopes.includes(name));
  return lost.length === 0 ? [] : [['never gets', `${lost.join(' ')}: it is beyond scopes of the client`]];
}
