import { describe, expect, it } from 'vitest';

import {
  type AccountSession,
  openAccountSession,
  sealAccountSession,
} from '../../src/authorization-server/account/account-session.ts';
import {
  type AccountLogin,
  openAccountLogin,
  sealAccountLogin,
} from '../../src/authorization-server/authorization/account-login.ts';
import {
  openAwaitingConsent,
  openAwaitingLogin,
  sealTransaction,
} from '../../src/authorization-server/authorization/transaction-codec.ts';
import type { Transaction } from '../../src/authorization-server/authorization/transaction.ts';
import {
  openRegistrationAccessToken,
  type RegistrationAccessToken,
  sealRegistrationAccessToken,
} from '../../src/authorization-server/registration/registration-access-token.ts';
import {
  type DeviceState,
  openDeviceState,
  sealDeviceState,
} from '../../src/authorization-server/device-authorization/device-state.ts';
import { unwrapSuccessor, wrapSuccessor } from '../../src/authorization-server/token/stored-successor.ts';
import type { Random } from '../../src/platform/random.ts';
import { createSealer, type Sealer } from '../../src/platform/sealing/sealer.ts';
import type { RedirectUri } from '../../src/protocol/redirect-uri.ts';
import { createClients } from '../../src/services/clients/clients.ts';
import {
  type AccessToken,
  openAccessToken,
  sealAccessToken,
} from '../../src/services/tokens/access-token.ts';
import {
  type AuthorizationCode,
  openAuthorizationCode,
  sealAuthorizationCode,
} from '../../src/services/tokens/authorization-code.ts';
import {
  openRefreshToken,
  type RefreshToken,
  sealRefreshToken,
} from '../../src/services/tokens/refresh-token.ts';
import {
  type DeviceApproval,
  openDeviceApproval,
  sealDeviceApproval,
} from '../../src/services/tokens/device-approval.ts';
import {
  type GrantDetails,
  openGrantDetails,
  sealGrantDetails,
} from '../../src/services/tokens/person-grant.ts';
import { type DeviceCode, openDeviceCode, sealDeviceCode } from '../../src/services/devices/device-code.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { loadVectors, type VectorFile } from './load-vectors.ts';

const folder = new URL('./', import.meta.url);
const files = loadVectors(folder);
/** Every scheme that a vector registers. */
const rules = { privateUseSchemes: ['cursor'] };
type Vector = VectorFile['vectors'][number];

function sealerOf(
  file: VectorFile,
  vector: Vector,
  changes: { secret?: string; context?: string } = {},
): Sealer {
  const random: Random = {
    bytes: () => Buffer.from(vector.nonce, 'hex'),
    token: () => {
      throw new Error('not used by sealing');
    },
  };
  return createSealer({
    secrets: ['another secret that came later, thirty-two bytes', changes.secret ?? file.secret],
    context: changes.context ?? file.context,
    random,
  });
}

function open(file: VectorFile, vector: Vector, sealer: Sealer): Promise<unknown> {
  switch (file.purpose) {
    case 'client':
      return createClients({ sealer, clock: new FakeClock(), registrationTtlSeconds: undefined, ...rules })
        .find(vector.token)
        .then(({ clientId, authentication: _always, grantTypes: _same, ...content }) =>
          clientId === vector.token ? content : undefined,
        )
        .catch(() => undefined);
    case 'consent':
      return Promise.resolve(openAwaitingConsent(sealer, vector.token));
    case 'session':
      return Promise.resolve(openAwaitingLogin(sealer, vector.token));
    case 'stored-successor': {
      const sealed = unwrapSuccessor(sealer, vector.token);
      return Promise.resolve(sealed === undefined ? undefined : { sealed });
    }
    case 'code':
      return Promise.resolve(openAuthorizationCode(sealer, vector.token));
    case 'access':
      return Promise.resolve(openAccessToken(sealer, vector.token));
    case 'refresh':
      return Promise.resolve(openRefreshToken(sealer, vector.token));
    case 'registration-access':
      return Promise.resolve(openRegistrationAccessToken(sealer, vector.token));
    case 'device-code':
      return Promise.resolve(openDeviceCode(sealer, vector.token));
    case 'device-state':
      return Promise.resolve(openDeviceState(sealer, vector.token));
    case 'device-approval':
      return Promise.resolve(openDeviceApproval(sealer, vector.token));
    case 'person-grant':
      return Promise.resolve(openPersonGrant(sealer, vector));
    case 'account-login':
      return Promise.resolve(openAccountLogin(sealer, vector.token));
    case 'account-session':
      return Promise.resolve(openAccountSession(sealer, vector.token));
    default:
      return file.purpose satisfies never;
  }
}

type SealedPersonGrant = GrantDetails & { readonly grantId: string };

/** Details are sealed for one grant, whose id the caller knows. */
function openPersonGrant(sealer: Sealer, { content, token }: Vector): SealedPersonGrant | undefined {
  const grantId = String(content['grantId']);
  expect(openGrantDetails(sealer, `${grantId}x`, token)).toBeUndefined();
  const details = openGrantDetails(sealer, grantId, token);
  return details === undefined ? undefined : { grantId, ...details };
}

function sealPersonGrant(sealer: Sealer, { grantId, ...details }: SealedPersonGrant): string {
  return sealGrantDetails(sealer, grantId, details);
}

/** The content sealed again, by today's code, with the vector's secret and nonce. */
function seal(file: VectorFile, vector: Vector): string {
  const { nonce } = vector;
  const sealer = createSealer({
    secrets: [file.secret],
    context: file.context,
    random: { bytes: () => Buffer.from(nonce, 'hex'), token: () => nonce },
  });
  const content: unknown = vector.content;
  switch (file.purpose) {
    case 'client': {
      const { name, redirectUris, issuedAt, expiresAt } = content as {
        name?: string;
        redirectUris: RedirectUri[];
        issuedAt: number;
        expiresAt?: number;
      };
      const registrationTtlSeconds = expiresAt === undefined ? undefined : expiresAt - issuedAt;
      const clients = createClients({
        sealer,
        clock: new FakeClock(issuedAt * 1000),
        registrationTtlSeconds,
        ...rules,
      });
      return clients.register({ name, redirectUris }).clientId;
    }
    case 'consent':
    case 'session':
      return sealTransaction(sealer, content as Transaction);
    case 'stored-successor': {
      const { sealed } = content as { sealed: string };
      return wrapSuccessor(sealer, { tokenId: '', sealed }).sealed;
    }
    case 'code':
      return sealAuthorizationCode(sealer, content as AuthorizationCode);
    case 'access':
      return sealAccessToken(sealer, content as AccessToken);
    case 'refresh':
      return sealRefreshToken(sealer, content as RefreshToken);
    case 'registration-access':
      return sealRegistrationAccessToken(sealer, content as RegistrationAccessToken);
    case 'device-code':
      return sealDeviceCode(sealer, content as DeviceCode);
    case 'device-state':
      return sealDeviceState(sealer, content as DeviceState);
    case 'device-approval':
      return sealDeviceApproval(sealer, content as DeviceApproval);
    case 'person-grant':
      return sealPersonGrant(sealer, content as SealedPersonGrant);
    case 'account-login':
      return sealAccountLogin(sealer, content as AccountLogin);
    case 'account-session':
      return sealAccountSession(sealer, content as AccountSession);
    default:
      return file.purpose satisfies never;
  }
}

describe('golden sealed values', () => {
  it('exist for every purpose', () => {
    expect(new Set(files.map(({ purpose }) => purpose))).toEqual(
      new Set([
        'client',
        'consent',
        'session',
        'code',
        'access',
        'refresh',
        'stored-successor',
        'registration-access',
        'device-code',
        'device-state',
        'device-approval',
        'person-grant',
        'account-login',
        'account-session',
      ]),
    );
  });

  it('are missed when there are none', () => {
    expect(() => loadVectors(new URL('../support/', import.meta.url))).toThrow('no vectors found');
  });

  describe.each(files)('$purpose, format $formatVersion', (file) => {
    it.each(file.vectors)('open as what was sealed: $name', async (vector) => {
      expect(await open(file, vector, sealerOf(file, vector))).toEqual(vector.content);
    });

    it.each(file.vectors)('do not open elsewhere: $name', async (vector) => {
      const elsewhere = { context: 'https://gatehouse.test/' };
      const secret = { secret: `${file.secret}.` };
      expect(await open(file, vector, sealerOf(file, vector, elsewhere))).toBeUndefined();
      expect(await open(file, vector, sealerOf(file, vector, secret))).toBeUndefined();
    });

    it.each(file.vectors)('are what is sealed today: $name', (vector) => {
      expect(seal(file, vector)).toBe(vector.token);
    });
  });
});
