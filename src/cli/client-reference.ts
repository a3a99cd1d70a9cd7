import { fingerprintClientId } from '../services/clients/client.ts';
import { CommandFailure } from './failure.ts';
import type { Operator } from './operator.ts';

const fingerprintLength = 43;
/** What logs and events show. */
const shortestLength = 16;

/**
 * The fingerprint of a client that an operator names: by its client id, its fingerprint, or the beginning of that as
 * logs show it.
 * @throws CommandFailure when it names none, or several
 */
export async function resolveClient(reference: string, operator: Operator): Promise<string> {
  const isWritten = operator.clientIds.includes(reference);
  if (isWritten || reference.startsWith('mgh_cl_') || reference.startsWith('https://'))
    return fingerprintClientId(reference);
  if (!/^[A-Za-z0-9_-]+$/.test(reference) || reference.length > fingerprintLength) throw refuse(noSuchClient);
  if (reference.length === fingerprintLength) return reference;
  if (reference.length < shortestLength) throw refuse(noSuchClient);
  const found = new Set<string>();
  for await (const { record } of operator.grants.list()) found.add(record.client);
  for (const { client } of await operator.deniedClients.list()) found.add(client);
  const matching = [...found].filter((client) => client.startsWith(reference));
  if (matching[0] === undefined)
    throw refuse('the client is the beginning of no client that has a grant or is denied');
  if (matching.length > 1) throw refuse('the client is the beginning of several clients');
  return matching[0];
}

const noSuchClient = 'there is no such client';

function refuse(problem: string): CommandFailure {
  return new CommandFailure(
    problem,
    'give its client_id, its fingerprint, or the first 16 characters of that; gatehouse clients list shows them',
  );
}
