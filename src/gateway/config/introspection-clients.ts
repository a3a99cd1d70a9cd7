import { splitList } from './plain-values.ts';
import { ValueProblem } from './setting.ts';

export interface IntrospectionClientSetting {
  readonly id: string;
  readonly secretHash: Buffer;
}

/**
 * Reads `id:sha256-of-secret` entries, the hash in hexadecimal.
 * @throws ValueProblem   that names an entry by its number: whoever writes the secret itself there must not find it in a log
 */
export function parseIntrospectionClients(text: string): readonly IntrospectionClientSetting[] {
  const clients = splitList(text).map((entry, index) => {
    const [, id, hash] = /^([A-Za-z0-9._~-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? [];
    if (id === undefined || hash === undefined) {
      throw new ValueProblem(
        `has an entry that is not id:hash (number ${index + 1})`,
        'write what gatehouse clients hash-secret prints; a secret does not stand there',
      );
    }
    return { id, secretHash: Buffer.from(hash, 'hex') };
  });
  if (new Set(clients.map(({ id }) => id)).size !== clients.length) {
    throw new ValueProblem('names a resource server twice', 'give each an id of its own');
  }
  return clients;
}
