import { parseDuration } from '../gateway/config/go-duration.ts';
import { ValueProblem } from '../gateway/config/setting.ts';
import { fingerprintClientId } from '../services/clients/client.ts';
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
  /** Comma-separated. */
  readonly groups?: string;
  readonly subject?: string;
  /** Who knows the subject. Absent: the identity provider that is set. */
  readonly issuer?: string;
  readonly client?: string;
  /** With commas or blanks between them, as tokens have them. */
  readonly scope?: string;
  /** Of the login. */
  readonly acr?: string;
  /** Of the login, comma-separated. */
  readonly amr?: string;
  /** How long ago the person logged in, as a duration. */
  readonly loginAge?: string;
  readonly tool?: string;
  readonly prompt?: string;
  readonly resource?: string;
  readonly method?: string;
}

/** How somebody logged in; undefined: the question does not say. */
export interface AskedLogin {
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
  readonly ageSeconds: number | undefined;
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

/** @throws CommandFailure when it is none, or several */
export function operationOf({ tool, prompt, resource, method }: PolicyQuestion): Operation {
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

/**
 * @param homeIssuer who knows people of whom the question does not say it
 * @throws CommandFailure when the address is none
 */
export function callerOf(question: PolicyQuestion, homeIssuer: string): PolicyCaller {
  const { as, groups, subject = '', issuer = homeIssuer, client = '' } = question;
  if (as !== undefined && !/^[^@\s]+@[^@\s]+$/.test(as)) {
    throw new CommandFailure(
      '--as is no e-mail address',
      'write it whole, such as ann@example.com; a sub goes to --subject',
    );
  }
  return {
    identityIssuer: issuer,
    subject,
    email: as,
    groups: splitList(groups),
    client: isFingerprint(client) ? client : fingerprintClientId(client),
  };
}

/** Whether it is about a person at all. */
export function namesPerson({ as, groups, subject }: PolicyQuestion): boolean {
  return [as, groups, subject].some((each) => each !== undefined);
}

/** @throws CommandFailure when the age is no duration */
export function loginOf({ acr, amr, loginAge }: PolicyQuestion): AskedLogin {
  return {
    acr,
    amr: amr === undefined ? undefined : splitList(amr),
    ageSeconds: loginAge === undefined ? undefined : parseAge(loginAge),
  };
}

export function scopesOf({ scope = '' }: PolicyQuestion): readonly string[] {
  return scope.split(/[\s,]+/).filter((name) => name !== '');
}

/** In words, for the answer. */
export function describeCaller(question: PolicyQuestion): string {
  const { as, groups, subject, issuer, client, acr, amr, loginAge } = question;
  const scopes = scopesOf(question).join(' ');
  const parts = [
    as,
    ...Object.entries({ subject, issuer, groups, client, acr, amr, 'login age': loginAge }).map(
      ([label, value]) => (value === undefined ? undefined : `${label} ${value}`),
    ),
    scopes === '' ? undefined : `scopes ${scopes}`,
  ].filter((part) => part !== undefined);
  return parts.join(', ') || 'anybody';
}

function isFingerprint(client: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(client);
}

function splitList(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function parseAge(text: string): number {
  try {
    return parseDuration(text, { minSeconds: 0, maxSeconds: 31_536_000, text: '0 to 8760h' });
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw new CommandFailure(`--login-age ${error.problem}`, error.fix);
  }
}
