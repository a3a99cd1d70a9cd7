import { readConfigFile } from '../gateway/config/file/config-file.ts';
import { expandScope } from '../protocol/scope.ts';
import { fingerprintClientId } from '../services/clients/client.ts';
import { createPolicy, type Decision, decidedBy, plumbing } from '../services/policy/policy.ts';
import type { Operation, PolicyCaller } from '../services/policy/rule.ts';
import { CommandFailure } from './failure.ts';

/** A call that somebody wonders about, as the command line has it. */
export interface PolicyQuestion {
  /** Path of the configuration file. */
  readonly config?: string;
  /** Name of the mount; may be absent where there is one. */
  readonly mount?: string;
  /** Verified e-mail address of the person. */
  readonly as?: string;
  /** Comma-separated, as `scope`. */
  readonly groups?: string;
  readonly subject?: string;
  /** Who knows the subject. Absent: the identity provider that is set. */
  readonly issuer?: string;
  readonly client?: string;
  readonly scope?: string;
  readonly tool?: string;
  readonly prompt?: string;
  readonly resource?: string;
  readonly method?: string;
}

export interface PolicyAnswer {
  readonly isAllowed: boolean;
  readonly decision: Decision;
  /** Ends in a line break. */
  readonly text: string;
}

/**
 * Says what the policy of a mount makes of a call, by the file alone: neither secrets nor settings are needed.
 * @param readFile throws when there is no such file
 * @throws CommandFailure when the file is not good, or the question is not one
 */
export function checkPolicy(question: PolicyQuestion, readFile: (path: string) => string): PolicyAnswer {
  const { policy: rules, scopes, name } = findMount(question, readFile);
  const operation = operationOf(question);
  const caller = callerOf(question);
  const held = expandScope(split(question.scope), scopes);
  const decision: Decision =
    rules === undefined
      ? { outcome: 'allowed', rule: noPolicy }
      : createPolicy(rules, ownIssuer).for(caller).decide(operation, held);
  const lines: (readonly [string, string])[] = [
    ['decided by', decision.rule],
    ['since', whyOf(decision)],
    ['mount', name],
    ['call', `${operation.method} ${operation.name}`.trim()],
    ['as', describeCaller(question)],
  ];
  const text = lines.map(([label, value]) => `  ${label.padEnd(10)}  ${value}\n`).join('');
  return {
    isAllowed: decision.outcome === 'allowed',
    decision,
    text: `${titles[decision.outcome]}\n${text}`,
  };
}

/** Stands for the identity provider that is set, whichever that is: the file need not say. */
const ownIssuer = '';
const noPolicy = '(no policy)';
const titles = { allowed: 'allowed', denied: 'denied', scopes: 'denied for want of scopes' } as const;

function findMount({ config, mount: wanted }: PolicyQuestion, readFile: (path: string) => string) {
  if (config === undefined)
    throw new CommandFailure('no file is named', 'give --config, or set GATEHOUSE_CONFIG');
  const { sections, problems } = readConfigFile(config, readText(config, readFile));
  if (sections === undefined || problems.length > 0) {
    throw new CommandFailure(
      'the configuration file is not good',
      'gatehouse check-config says what is wrong',
    );
  }
  const { mounts = [] } = sections;
  const found =
    wanted === undefined && mounts.length === 1 ? mounts[0] : mounts.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = mounts.map(({ name }) => name).join(', ');
  throw new CommandFailure(
    wanted === undefined ? 'no mount is named' : 'there is no mount of that name',
    names === '' ? 'the file has no mounts' : `give --mount with one of: ${names}`,
  );
}

function readText(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch {
    throw new CommandFailure('the configuration file cannot be read', 'give its path as --config');
  }
}

/** Methods that are about something, and the option that names it. */
const namedBy: Readonly<Record<string, string>> = {
  'tools/call': '--tool',
  'prompts/get': '--prompt',
  'resources/read': '--resource',
  'resources/subscribe': '--resource',
  'resources/unsubscribe': '--resource',
  'completion/complete': '--prompt or --resource',
};

function operationOf({ tool, prompt, resource, method }: PolicyQuestion): Operation {
  const operations: Operation[] = [];
  if (tool !== undefined) operations.push({ kind: 'tool', method: 'tools/call', name: tool });
  if (prompt !== undefined) operations.push({ kind: 'prompt', method: 'prompts/get', name: prompt });
  if (resource !== undefined) operations.push({ kind: 'resource', method: 'resources/read', name: resource });
  if (method !== undefined) operations.push({ kind: 'method', method, name: '' });
  const [operation] = operations;
  if (operation === undefined || operations.length > 1) {
    throw new CommandFailure(
      operation === undefined ? 'no call is named' : 'several calls are named',
      'give one of --tool, --prompt, --resource and --method',
    );
  }
  const option = operation.kind === 'method' ? namedBy[operation.method] : undefined;
  if (option === undefined) return operation;
  throw new CommandFailure(`${operation.method} is decided on by what it is about`, `give ${option} instead`);
}

function callerOf({
  as,
  groups,
  subject = '',
  issuer = ownIssuer,
  client = '',
}: PolicyQuestion): PolicyCaller {
  const isFingerprint = /^[A-Za-z0-9_-]{43}$/.test(client);
  return {
    identityIssuer: issuer,
    subject,
    email: as,
    groups: split(groups),
    client: isFingerprint ? client : fingerprintClientId(client),
  };
}

function describeCaller({ as, groups, subject, client, scope }: PolicyQuestion): string {
  const parts = [
    as,
    subject === undefined ? undefined : `subject ${subject}`,
    groups === undefined ? undefined : `groups ${groups}`,
    client === undefined ? undefined : `client ${client}`,
    scope === undefined ? undefined : `scopes ${scope}`,
  ].filter((part) => part !== undefined);
  return parts.join(', ') || 'anybody';
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
      if (decision.rule === noPolicy) return 'the mount has none';
      if (decision.rule === decidedBy.default) return 'no rule is about it, and the default is allow';
      return decision.rule === decidedBy.plumbing
        ? `no session is without it; so are ${plumbing.size - 1} other methods`
        : 'the rule allows it, and no other denies it';
  }
}

function split(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
