import { type CutOff, personKey, untilNow } from '../services/tokens/cut-off.ts';
import type { ListedGrant } from '../services/tokens/grant-directory.ts';
import { resolveClient } from './client-reference.ts';
import { CommandFailure } from './failure.ts';
import type { Operator } from './operator.ts';
import { formatTable, printable } from './text-table.ts';

/** Which grants; at least one member for `revoke`, which takes no two. */
export interface GrantFilter {
  readonly subject?: string | undefined;
  readonly client?: string | undefined;
  readonly grant?: string | undefined;
  readonly everything?: boolean | undefined;
}

export interface Form {
  readonly json: boolean;
}

export async function listGrants(operator: Operator, filter: GrantFilter, form: Form): Promise<string> {
  const grants: Described[] = [];
  for await (const grant of findGrants(operator, filter)) grants.push(describe(grant));
  if (form.json) return toJson(grants);
  if (grants.length === 0) return 'no grants\n';
  const rows = grants.map(({ grant, stage, subject, client }) => [grant, stage, subject, client]);
  return formatTable(['GRANT', 'STAGE', 'SUBJECT', 'CLIENT'], rows);
}

export async function showGrant(operator: Operator, grantId: string, form: Form): Promise<string> {
  const found = await operator.grants.find(grantId);
  if (found === undefined) {
    throw new CommandFailure('there is no such grant', 'gatehouse grants list shows those there are');
  }
  const described = describe(found);
  if (form.json) return toJson(described);
  return Object.entries(described)
    .map(([name, text]) => `${name.replace('_', ' ').padEnd(14)}${printable(text)}\n`)
    .join('');
}

/**
 * Ends grants. The cut-off comes first: running servers refuse within seconds, also what has no record. Then the records,
 * so that they can be seen to be over.
 * @throws CommandFailure when not exactly one kind is named
 */
export async function revokeGrants(operator: Operator, filter: GrantFilter, form: Form): Promise<string> {
  const [cutOff, ...further] = await toCutOffs(operator, filter);
  for (const each of [cutOff, ...further]) await operator.revocations.cutOff(each);
  const ended = await endRecords(operator, filter);
  if (form.json) return toJson({ kind: cutOff.kind, before: cutOff.before, ended });
  const done = `revoked; ${ended} recorded ${ended === 1 ? 'grant' : 'grants'} ended\n`;
  return ended === 0 ? done + noneRecorded : done;
}

/** A mistyped name, or the store of another deployment, looks just like this; it must not look like success. */
const noneRecorded =
  'no live grant of that was recorded here: if there should be one, check the name, and that the environment is the servers’\n';

/** Ends what is recorded of these grants; how many there were. */
export async function endRecords(operator: Operator, filter: GrantFilter): Promise<number> {
  let ended = 0;
  for await (const { grantId, record } of findGrants(operator, filter)) {
    if (record.stage !== 'revoked' && (await operator.grants.end(grantId, 'operator'))) ended += 1;
  }
  return ended;
}

/** Several: one subject is somebody else at each issuer, and the operator means all of them. */
async function toCutOffs(operator: Operator, filter: GrantFilter): Promise<readonly [CutOff, ...CutOff[]]> {
  const before = untilNow(operator.nowSeconds());
  const { subject, client, grant, everything = false } = filter;
  const named = [subject, client, grant].filter((value) => value !== undefined).length + (everything ? 1 : 0);
  if (named !== 1) {
    throw new CommandFailure(
      named === 0 ? 'nothing to revoke is named' : 'more than one kind is named',
      'give exactly one of --subject, --client, --grant and --everything',
    );
  }
  if (subject !== undefined) {
    const ofIssuer = (issuer: string): CutOff => ({
      kind: 'subject',
      key: personKey(issuer, subject),
      before,
    });
    const [home, ...others] = operator.identityIssuers;
    return [ofIssuer(home), ...others.map(ofIssuer)];
  }
  if (client !== undefined) return [{ kind: 'client', key: await resolveClient(client, operator), before }];
  if (grant !== undefined) return [{ kind: 'grant', key: grant, before }];
  return [{ kind: 'everything', key: '', before }];
}

async function* findGrants(operator: Operator, filter: GrantFilter): AsyncGenerator<ListedGrant> {
  const client = filter.client === undefined ? undefined : await resolveClient(filter.client, operator);
  for await (const grant of operator.grants.list()) {
    const { subject } = grant.record;
    if (filter.grant !== undefined && grant.grantId !== filter.grant) continue;
    if (filter.subject !== undefined && subject !== filter.subject) continue;
    if (client !== undefined && grant.record.client !== client) continue;
    yield grant;
  }
}

interface Described {
  readonly grant: string;
  readonly stage: string;
  readonly subject: string;
  readonly client: string;
  readonly cause?: string;
  readonly last_refresh?: string;
}

/** Of a record what an operator may see: no generation, no token, sealed or not. */
function describe({ grantId, record }: ListedGrant): Described {
  const { stage, subject, client } = record;
  const rotated = record.stage === 'active' ? record.previous?.rotatedAtMs : undefined;
  return {
    grant: grantId,
    stage,
    subject,
    client,
    ...(record.stage === 'revoked' ? { cause: record.cause } : {}),
    ...(rotated === undefined ? {} : { last_refresh: new Date(rotated).toISOString() }),
  };
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
