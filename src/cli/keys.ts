/**
 * `gatehouse keys`: everything an operator does with the key file. Each command returns the text to print; none of
 * them ever has a secret in it.
 */
import { readFileSync } from 'node:fs';

import { ConfigError } from '../gateway/config/load-config.ts';
import { type Environment, type ReadFile, readSettings } from '../gateway/config/read-settings.ts';
import { type Clock, type EpochSeconds, systemClock } from '../platform/clock.ts';
import { type Random, systemRandom } from '../platform/random.ts';
import { checkSecretStrength, formatMoment } from '../services/keys/key-file-format.ts';
import { announceKey, createKey, destroyKey, type KeyEntry, settleKeys } from '../services/keys/key-set.ts';
import { readKeyFile } from '../services/keys/read-key-file.ts';
import { changeKeyFile, createKeyFile } from '../services/keys/write-key-file.ts';
import { CommandFailure } from './failure.ts';

export interface KeysContext {
  readonly path: string;
  readonly clock: Pick<Clock, 'nowSeconds'>;
  readonly random: Pick<Random, 'bytes'>;
  readonly env: Environment;
  readonly readFile: ReadFile;
}

/** What the commands work with in this process.   @throws CommandFailure when no key file is named */
export function openKeysContext(file: string | undefined): KeysContext {
  const path = file ?? (process.env['SIGNING_KEYS_FILE'] || undefined);
  if (path === undefined) {
    throw new CommandFailure('no key file is named', 'give it with --file, or set SIGNING_KEYS_FILE');
  }
  return {
    path,
    clock: systemClock,
    random: systemRandom,
    env: process.env,
    readFile: (name) => readFileSync(name, 'utf8'),
  };
}

/** @throws KeySetError when the file exists, and ConfigError when the environment has no secret to import */
export function generateKeys(context: KeysContext, options: { readonly fromEnvironment: boolean }): string {
  const now = context.clock.nowSeconds();
  const keys = options.fromEnvironment ? importKeys(context, now) : [createKey(makeSecret(context), now)];
  createKeyFile(context.path, keys, now);
  return lines([
    'the key file is written',
    ...listKeys(keys, now),
    'every replica needs this file: SIGNING_KEYS_FILE',
  ]);
}

export function showKeys(context: KeysContext, options: { readonly json: boolean }): string {
  const now = context.clock.nowSeconds();
  const { entries } = readKeyFile(context.path, { now, refuseExposed: false });
  if (!options.json) return lines(listKeys(entries, now));
  const keys = settleKeys(entries, now).map((entry) => ({
    id: entry.id,
    state: entry.state,
    created_at: formatMoment(entry.createdAt),
    ...jsonMoment('active_from', entry.activateAt),
    ...jsonMoment('retiring_from', entry.retireAt),
    ...jsonMoment('destroyed_from', entry.destroyAt),
  }));
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

/** `retireIn` undefined: the present key opens for ever. Seconds. */
export function rotateKeys(
  context: KeysContext,
  options: { readonly activateIn: number; readonly retireIn: number | undefined },
): string {
  const now = context.clock.nowSeconds();
  const activateAt = now + options.activateIn;
  const destroyAt = options.retireIn === undefined ? undefined : activateAt + options.retireIn;
  const secret = makeSecret(context);
  const keys = changeKeyFile(context.path, now, (entries) =>
    announceKey(entries, { secret, now, activateAt, destroyAt }),
  );
  return lines([
    'a new key is announced; every replica has to have the file before it is active',
    ...listKeys(keys, now),
    ...(destroyAt === undefined
      ? []
      : [
          `clients that registered before ${formatMoment(activateAt)} register again after ${formatMoment(destroyAt)}`,
        ]),
  ]);
}

/** @throws CommandFailure when it was not confirmed, and KeySetError when there is no such key */
export function destroyOneKey(
  context: KeysContext,
  id: string,
  options: { readonly confirmed: boolean },
): string {
  if (!options.confirmed) {
    throw new CommandFailure(
      'to destroy a key ends everything that it sealed: logins, tokens and registrations',
      'if that is what you want, say --yes',
    );
  }
  const now = context.clock.nowSeconds();
  const newSecret = makeSecret(context);
  const keys = changeKeyFile(context.path, now, (entries) => destroyKey(entries, id, { now, newSecret }));
  return lines([
    `the key ${id} is destroyed; replicas that read this file follow within ten seconds`,
    ...listKeys(keys, now),
  ]);
}

/** As strong as `openssl rand -base64 48`. */
function makeSecret({ random }: KeysContext): string {
  return random.bytes(48).toString('base64');
}

/** The secrets of the environment, so that what they sealed stays open when the key file takes their place. */
function importKeys({ env, readFile }: KeysContext, now: EpochSeconds): readonly KeyEntry[] {
  const { values, problems } = readSettings(env, readFile);
  const ofSecrets = problems.filter(({ variable }) => variable.startsWith('TOKEN_SIGNING_SECRET'));
  if (ofSecrets.length > 0) throw new ConfigError(ofSecrets);
  const active = values.TOKEN_SIGNING_SECRET;
  if (active === undefined) {
    throw new CommandFailure(
      'TOKEN_SIGNING_SECRET is not set',
      'set what the server has, or leave out --import',
    );
  }
  const secrets = [...new Set([active, ...(values.TOKEN_SIGNING_SECRETS_PREVIOUS ?? [])])];
  return secrets.map((secret, index) => {
    checkSecretStrength(secret, `cannot take secret number ${index + 1}: it`);
    return { ...createKey(secret, now), state: index === 0 ? 'active' : 'retiring' };
  });
}

function listKeys(entries: readonly KeyEntry[], now: EpochSeconds): string[] {
  return settleKeys(entries, now).map((entry) =>
    `  ${entry.id}  ${entry.state.padEnd(9)}  ${describe(entry)}`.trimEnd(),
  );
}

function describe({ state, createdAt, activateAt, retireAt, destroyAt }: KeyEntry): string {
  const until = destroyAt === undefined ? '' : `, destroyed from ${formatMoment(destroyAt)}`;
  switch (state) {
    case 'announced':
      return `active from ${activateAt === undefined ? '' : formatMoment(activateAt)}`;
    case 'active':
      return retireAt === undefined
        ? `created ${formatMoment(createdAt)}`
        : `retiring from ${formatMoment(retireAt)}${until}`;
    case 'retiring':
      return destroyAt === undefined ? 'opens for ever' : `destroyed from ${formatMoment(destroyAt)}`;
    case 'destroyed':
      return destroyAt === undefined ? '' : `since ${formatMoment(destroyAt)}`;
  }
}

function jsonMoment(member: string, at: EpochSeconds | undefined): Record<string, string> {
  return at === undefined ? {} : { [member]: formatMoment(at) };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
