import { splitList } from './plain-values.ts';
import { parseSecretHash } from './secret-hash.ts';
import { type ConfigProblem, ValueProblem } from './setting.ts';

export interface IntrospectionClientSetting {
  readonly id: string;
  readonly secretHash: Buffer;
  /** Names of the mounts whose tokens it may ask about. Absent: every one's. */
  readonly mounts?: readonly string[];
}

const entrySyntax = /^([A-Za-z0-9._~-]{1,64}):([0-9a-f]{64})(?::([A-Za-z0-9_-]+(?:\+[A-Za-z0-9_-]+)*))?$/i;

/**
 * Reads `id:sha256-of-secret` entries, the hash in hexadecimal, with `:mount+mount` behind those that may not ask about all.
 * @throws ValueProblem   that names an entry by its number: whoever writes the secret itself there must not find it in a log
 */
export function parseIntrospectionClients(text: string): readonly IntrospectionClientSetting[] {
  const clients = splitList(text).map((entry, index) => {
    const [, id, hash = '', mounts] = entrySyntax.exec(entry) ?? [];
    const number = `(number ${index + 1})`;
    if (id === undefined) {
      throw new ValueProblem(
        `has an entry that is not id:hash or id:hash:mount ${number}`,
        'write what gatehouse clients hash-secret prints; a secret does not stand there',
      );
    }
    return {
      id,
      secretHash: readHash(hash, number),
      ...(mounts === undefined ? {} : { mounts: mounts.split('+') }),
    };
  });
  if (new Set(clients.map(({ id }) => id)).size !== clients.length) {
    throw new ValueProblem('names a resource server twice', 'give each an id of its own');
  }
  return clients;
}

/** Mounts that are named and not there: whoever was to ask about one would be told of none. */
export function findUnknownMounts(
  clients: readonly IntrospectionClientSetting[] | undefined = [],
  known: ReadonlySet<string>,
): readonly ConfigProblem[] {
  const unknown = clients.flatMap(({ mounts: named = [] }) => named.filter((name) => !known.has(name)));
  return [...new Set(unknown)].map((name) => ({
    variable: 'INTROSPECTION_CLIENTS',
    problem: `names the mount ${name}, which is not there`,
    fix: `write one of ${[...known].filter(isPlain).slice(0, 10).join(', ')}`,
  }));
}

/** What stands in the place of a name is shown only if it looks like one. */
function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

function readHash(text: string, number: string): Buffer {
  try {
    return parseSecretHash(text);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw new ValueProblem(`has an entry whose hash ${error.problem} ${number}`, error.fix);
  }
}
