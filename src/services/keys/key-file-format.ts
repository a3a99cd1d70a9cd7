import type { EpochSeconds } from '../../platform/clock.ts';
import { findSecretWeakness, minSecretBytes } from '../../platform/sealing/secret-strength.ts';
import { findKeyId } from '../../platform/sealing/sealing-key.ts';
import { type Guard, type Infer, oneOf, shape, text } from '../../platform/sealing/shape.ts';
import type { KeyEntry } from './key-set.ts';
import { KeySetError } from './key-set-error.ts';

const version = 1;
const members = ['id', 'secret', 'state', 'createdAt', 'activateAt', 'retireAt', 'destroyAt'];

const keyId: Guard<string> = (value): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}$/.test(value);

/** UTC, whole seconds, one spelling: `2026-11-21T07:30:00Z`. */
const moment: Guard<string> = (value): value is string => {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) return false;
  return !Number.isNaN(Date.parse(value)) && formatMoment(Date.parse(value) / 1000) === value;
};

const writtenKey = shape(
  { id: keyId, state: oneOf('announced', 'active', 'retiring', 'destroyed'), createdAt: moment },
  { secret: text, activateAt: moment, retireAt: moment, destroyAt: moment },
);

/** Reads the text of a key file, and nothing it does not know: a misspelt end date must not be overlooked.
 *  @throws KeySetError */
export function parseKeyFile(content: string): readonly KeyEntry[] {
  const keys = readKeys(content).map(parseKey);
  const twice = keys.find((key, index) => keys.findIndex(({ id }) => id === key.id) !== index);
  if (twice !== undefined) throw malformed(`has the key ${twice.id} twice`);
  return keys;
}

/** The text of a key file. It holds secrets. */
export function formatKeyFile(entries: readonly KeyEntry[]): string {
  const keys = entries.map((entry) => ({
    id: entry.id,
    state: entry.state,
    createdAt: formatMoment(entry.createdAt),
    ...present('activateAt', entry.activateAt),
    ...present('retireAt', entry.retireAt),
    ...present('destroyAt', entry.destroyAt),
    ...(entry.secret === undefined ? {} : { secret: entry.secret }),
  }));
  return `${JSON.stringify({ version, keys }, null, 2)}\n`;
}

export function formatMoment(at: EpochSeconds): string {
  return new Date(at * 1000).toISOString().replace('.000Z', 'Z');
}

function readKeys(content: string): readonly unknown[] {
  const file = parseJson(content);
  if (typeof file !== 'object' || file === null) throw malformed('is no key file');
  const found: { readonly version?: unknown; readonly keys?: unknown } = file;
  if (found.version !== version) throw malformed('has a version that this release does not know');
  if (!Array.isArray(found.keys) || Object.keys(file).length !== 2) throw malformed('is no key file');
  return found.keys;
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // Without the parser's message: it quotes the text, and the text holds secrets.
    throw malformed('is not valid JSON');
  }
}

function parseKey(written: unknown, index: number): KeyEntry {
  const number = index + 1;
  if (!writtenKey.matches(written)) throw malformed(`has an entry that is no key (number ${number})`);
  if (Object.keys(written).some((member) => !members.includes(member))) {
    throw malformed(`has an entry with a member that is not known (number ${number})`);
  }
  checkSecret(written, number);
  if (written.state === 'announced' && written.activateAt === undefined) {
    throw malformed(`has an announced key without activateAt (number ${number})`);
  }
  return {
    id: written.id,
    secret: written.secret,
    state: written.state,
    createdAt: readMoment(written.createdAt),
    activateAt: written.activateAt === undefined ? undefined : readMoment(written.activateAt),
    retireAt: written.retireAt === undefined ? undefined : readMoment(written.retireAt),
    destroyAt: written.destroyAt === undefined ? undefined : readMoment(written.destroyAt),
  };
}

function checkSecret({ id, secret, state }: Infer<typeof writtenKey>, number: number): void {
  if (secret === undefined) {
    if (state === 'destroyed') return;
    throw malformed(`has a key without its secret (number ${number})`);
  }
  checkSecretStrength(secret, `has a secret (number ${number}) that`);
  // A pasted secret under another key's name would open nothing, and say nothing.
  if (findKeyId(secret) !== id) throw malformed(`has an id that is not its secret's (number ${number})`);
}

/** @throws KeySetError saying what is wrong with the secret after `subject` */
export function checkSecretStrength(secret: string, subject: string): void {
  const weakness =
    Buffer.byteLength(secret) < minSecretBytes
      ? `is shorter than ${minSecretBytes} bytes`
      : findSecretWeakness(secret);
  if (weakness === undefined) return;
  throw new KeySetError('secret_weak', `${subject} ${weakness}`, {
    fix: 'let gatehouse keys make the secrets: whoever guesses one forges every token',
  });
}

function readMoment(written: string): EpochSeconds {
  return Date.parse(written) / 1000;
}

function present(member: string, at: EpochSeconds | undefined): Record<string, string> {
  return at === undefined ? {} : { [member]: formatMoment(at) };
}

function malformed(problem: string): KeySetError {
  return new KeySetError('malformed', problem, {
    fix: 'restore the file that gatehouse keys wrote; it is not meant to be edited',
  });
}
