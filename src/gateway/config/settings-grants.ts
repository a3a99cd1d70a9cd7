import { findSecretWeakness } from '../../platform/sealing/secret-strength.ts';
import { isAllowableScheme } from '../../protocol/redirect-uri.ts';
import { onUnlessFalse } from './boolean-setting.ts';
import { parseDuration } from './go-duration.ts';
import { type IntrospectionClientSetting, parseIntrospectionClients } from './introspection-clients.ts';
import { parseInteger, parseMoment, parseOnOff, splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';
import {
  parsePreviousSecrets,
  parseSigningSecret,
  refuseWeakPreviousSecret,
  refuseWeakSecret,
} from './signing-secret.ts';

const oneDay = 86_400;
const oneHour = 3600;

/** Where state is when neither a file nor Redis is named. */
export const defaultStorePath = './gatehouse.sqlite';

/** Keys, tokens, what is remembered of them, and the clients that ask for them. */
export const grantSettings = {
  TOKEN_SIGNING_SECRET: {
    description:
      'What every key is derived from; required unless `SIGNING_KEYS_FILE` is set. Whoever has it forges every token. Generate it: `openssl rand -base64 48`.',
    accepts: '32 bytes or more',
    secret: true,
    unset: undefined,
    production: 'a secret that repeats itself or has fewer than 8 distinct bytes',
    parse: parseSigningSecret,
    refuseInProduction: refuseWeakSecret,
    warnAbout: (secret) =>
      secret === undefined || findSecretWeakness(secret) === undefined
        ? undefined
        : {
            event: 'token_signing_secret_weak',
            message: 'TOKEN_SIGNING_SECRET is weak: tokens can be forged',
          },
  } satisfies Setting<string | undefined>,
  TOKEN_SIGNING_SECRETS_PREVIOUS: {
    description:
      'Secrets that still open what they sealed, for a change of `TOKEN_SIGNING_SECRET` that logs nobody out. A registration lives as long as its secret is here or active.',
    accepts: 'secrets of 32 bytes or more, separated by blanks or lines',
    secret: true,
    production: 'a weak entry',
    unset: [],
    parse: parsePreviousSecrets,
    refuseInProduction: refuseWeakPreviousSecret,
    warnAbout: (secrets) =>
      refuseWeakPreviousSecret(secrets) === undefined
        ? undefined
        : {
            event: 'token_signing_secret_weak',
            message: 'TOKEN_SIGNING_SECRETS_PREVIOUS has a weak entry: tokens can be forged',
          },
  } satisfies Setting<readonly string[]>,
  SIGNING_KEYS_FILE: {
    description:
      'The file of keys that `gatehouse keys` makes and rotates, in place of the two variables above. It is read again within a second of a change and on SIGHUP, so keys change without a restart; a file that is not acceptable changes nothing and is logged. Every replica needs the same file.',
    accepts: 'a path',
    production:
      'a file that accounts other than its owner and its group may read, or that its group may change',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  STORE_PATH: {
    description:
      'The SQLite file that remembers grants and what has been used once. `:memory:` forgets them with the process: everybody logs in again. Not together with Redis.',
    accepts: 'a path, or `:memory:`',
    defaultText: defaultStorePath,
    production: '`:memory:`',
    unset: undefined,
    parse: (text) => text,
    refuseInProduction: (path) =>
      path === ':memory:'
        ? new ValueProblem('is :memory:', 'name a file on a disk that outlives the process')
        : undefined,
    warnAbout: (path) =>
      path === ':memory:'
        ? { event: 'store_in_memory', message: 'STORE_PATH=:memory: forgets every grant at the end' }
        : undefined,
  } satisfies Setting<string | undefined>,
  STORE_SYNCHRONOUS: {
    description:
      '`FULL`: what was answered survives a power cut. `NORMAL`: faster, and a power cut may undo the last moments, so that a code or a refresh token could be used again.',
    accepts: '`FULL` or `NORMAL`',
    defaultText: 'FULL',
    unset: 'FULL',
    parse: parseSynchronous,
  } satisfies Setting<'FULL' | 'NORMAL'>,
  GRANT_LIFETIME: {
    description: 'After this long a person has to log in again, however often tokens were refreshed.',
    accepts: 'duration, 1h to 8760h',
    defaultText: '720h',
    unset: 30 * oneDay,
    parse: (text) =>
      parseDuration(text, { minSeconds: oneHour, maxSeconds: 365 * oneDay, text: '1h to 8760h' }),
  } satisfies Setting<number>,
  ACCESS_TOKEN_TTL: {
    description:
      'How long an access token lasts. Every refresh asks the identity provider about the person again, so this is how soon somebody who left it is out. Shorter: more refreshes.',
    accepts: 'duration, 1m to 1h',
    defaultText: '1h',
    unset: oneHour,
    parse: (text) => parseDuration(text, { minSeconds: 60, maxSeconds: oneHour, text: '1m to 1h' }),
  } satisfies Setting<number>,
  REFRESH_RACE_GRACE_SEC: {
    description:
      'For this many seconds a refresh token that was just used gets the same successor again: a client whose response was lost is not logged out. Later use of it ends the grant. 0: any second use does.',
    accepts: 'integer, 0 to 3600',
    defaultText: '30',
    unset: 30,
    parse: (text) => parseInteger(text, 0, 3600),
  } satisfies Setting<number>,
  REVOKE_BEFORE: {
    description:
      'Everything granted before this moment is refused. Read at start-up; `gatehouse grants revoke --everything` does the same to running servers. A moment in the future refuses everybody until then.',
    accepts: 'RFC 3339 time, such as `2026-11-21T07:30:00Z`',
    unset: undefined,
    parse: parseMoment,
  } satisfies Setting<number | undefined>,
  CLIENT_REGISTRATION: {
    description:
      'Whether clients may register themselves (RFC 7591), as most of them still have to. `off`: the endpoint is not there and not in the metadata, and new clients need a [metadata document](client-id-metadata-documents.md). Those that registered before go on; `gatehouse clients deny` ends one.',
    accepts: '`on` or `off`',
    defaultText: 'on',
    unset: true,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
  CLIENT_REGISTRATION_TTL: {
    description:
      'How long a registration of a client lasts. 0: for ever. Many clients do not register again by themselves, so an end here looks to their users like a broken server.',
    accepts: 'duration, 0 to 2160h',
    defaultText: '0',
    unset: undefined,
    parse: (text) =>
      parseDuration(text, { minSeconds: 0, maxSeconds: 90 * oneDay, text: '0 to 2160h' }) || undefined,
  } satisfies Setting<number | undefined>,
  INTROSPECTION_CLIENTS: {
    description:
      'Resource servers that may ask `/introspect` what an access token is worth, with HTTP Basic. Only hashes stand here: `gatehouse clients hash-secret --generate` makes a secret and its hash. With names of mounts behind it, a resource server may ask about their tokens alone: of others it is told that they are not active. `client_id` in the answer is the id of a pre-registered client; for others, whose ids are long, the fingerprint that the log has. Read at the start alone: a reload that moves a mount which is named here to another URL is refused. Unset: there is no such endpoint.',
    accepts:
      'comma-separated `id:hash` or `id:hash:mount+mount`; the hash is the SHA-256 of the secret in hexadecimal',
    separator: ',',
    secret: true,
    unset: [],
    parse: parseIntrospectionClients,
  } satisfies Setting<readonly IntrospectionClientSetting[]>,
  ALLOWED_REDIRECT_SCHEMES: {
    description:
      'Private-use URI schemes that native apps may register redirect URIs of. Any app on a machine can claim a scheme: list only those of apps in use. One that is taken off the list ends for clients registered before, too. `none`: no such scheme.',
    accepts: 'comma-separated schemes in lower case, without `://`; or `none`',
    separator: ',',
    defaultText: 'cursor,vscode,vscode-insiders,windsurf',
    unset: ['cursor', 'vscode', 'vscode-insiders', 'windsurf'],
    parse: parseSchemes,
  } satisfies Setting<readonly string[]>,
  RENDER_CONSENT_PAGE: onUnlessFalse('RENDER_CONSENT_PAGE', {
    description:
      'Asks the person before a client gets access. Off, any page can get tokens for a client of its choice as long as the person is logged in at the identity provider.',
    production: '`false`',
    refuseInProduction: (on) =>
      on
        ? undefined
        : new ValueProblem('is false', 'unset it: people must be asked before a client acts for them'),
    warnAbout: (on) =>
      on
        ? undefined
        : {
            event: 'consent_page_off',
            message: 'RENDER_CONSENT_PAGE=false: clients get access without asking the person',
          },
  }),
  ACCOUNT_PAGE: {
    description:
      'Whether people have a page, `/account`, where they see which clients they gave access, and end it. For that each grant is put on a list of its person, sealed, in the store. `off`: no page, no lists; whoever wants to end something needs the client or you. See [the account page](account.md).',
    accepts: '`on` or `off`',
    defaultText: 'on',
    unset: true,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
};

function parseSynchronous(text: string): 'FULL' | 'NORMAL' {
  const word = text.toUpperCase();
  if (word === 'FULL' || word === 'NORMAL') return word;
  throw new ValueProblem('is neither FULL nor NORMAL', 'use FULL');
}

function parseSchemes(text: string): readonly string[] {
  if (text.trim() === 'none') return [];
  const schemes = splitList(text);
  const wrong = schemes.findIndex((scheme) => !isAllowableScheme(scheme));
  if (wrong !== -1) {
    throw new ValueProblem(
      `has an entry that cannot be a private-use scheme (number ${wrong + 1})`,
      'write the scheme of an app in lower case, without ://; schemes of browsers and networks are not accepted',
    );
  }
  return schemes;
}
