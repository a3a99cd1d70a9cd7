import { resolveClient } from './client-reference.ts';
import { endRecords, type Form } from './grants.ts';
import type { Operator } from './operator.ts';
import { formatTable } from './text-table.ts';

/** Until every server has heard of a denial, one of them may still grant something. */
const settleSeconds = 5;

/** Clients that have a grant, and those that are denied. Registrations themselves are stored nowhere. */
export async function listClients(operator: Operator, form: Form): Promise<string> {
  const grants = new Map<string, number>();
  for await (const { record } of operator.grants.list()) {
    grants.set(record.client, (grants.get(record.client) ?? 0) + (record.stage === 'revoked' ? 0 : 1));
  }
  const denials = new Map((await operator.deniedClients.list()).map((denial) => [denial.client, denial]));
  const clients = [...new Set([...grants.keys(), ...denials.keys()])].sort().map((client) => ({
    client,
    grants: grants.get(client) ?? 0,
    denied: denials.get(client)?.cause ?? null,
  }));
  if (form.json) return toJson(clients);
  if (clients.length === 0) return 'no clients\n';
  const rows = clients.map(({ client, grants: count, denied }) => [client, String(count), denied ?? '']);
  return formatTable(['CLIENT', 'GRANTS', 'DENIED'], rows);
}

/** Denies a client and ends everything it was granted. */
export async function denyClient(operator: Operator, reference: string, form: Form): Promise<string> {
  const client = await resolveClient(reference, operator);
  await operator.deniedClients.refresh();
  // First, so that nothing new is granted behind the cut-off.
  await operator.deniedClients.deny(client, 'operator');
  const before = operator.nowSeconds() + settleSeconds;
  await operator.revocations.cutOff({ kind: 'client', key: client, before });
  const ended = await endRecords(operator, { client });
  if (form.json) return toJson({ client, denied: true, ended });
  return `denied; ${ended} recorded ${ended === 1 ? 'grant' : 'grants'} ended\n`;
}

/** Lets a client in again. What it was granted before stays over. */
export async function allowClient(operator: Operator, reference: string, form: Form): Promise<string> {
  const client = await resolveClient(reference, operator);
  // The last word counts: after what other machines have said, whatever their clocks.
  await operator.deniedClients.refresh();
  await operator.deniedClients.allow(client);
  return form.json ? toJson({ client, denied: false }) : 'allowed; its people log in again\n';
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
