import { splitList } from './plain-values.ts';
import { parseSecretHash } from './secret-hash.ts';
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
    const [, id, hash = ''] = /^([A-Za-z0-9._~-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? [];
    const number = `(number ${index + 1})`;
    if (id === undefined) {
      throw new ValueProblem(
        `has an entry that is not id:hash ${number}`,
        'write what gatehouse clients hash-secret prints; a secret does not stand there',
      );
    }
    return { id, secretHash: readHash(hash, number) };
  });
  if (new Set(clients.map(({ id }) => id)).size !== clients.length) {
    throw new ValueProblem('names a resource server twice', 'give each an id of its own');
  }
  return clients;
}

function readHash(text: string, number: string): Buffer {
  try {
    return parseSecretHash(text);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw new ValueProblem(`has an entry whose hash ${error.problem} ${number}`, error.fix);
  }
}
