import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import type { Store } from '../../platform/store/store.ts';
import type { Client } from '../clients/client.ts';
import { openDeviceCode, sealDeviceCode } from './device-code.ts';
import {
  type DeviceKey,
  deviceKeyOf,
  type DeviceRecord,
  formatDeviceRecord,
  parseDeviceRecord,
  type PendingRecord,
  storeKeyOf,
} from './device-record.ts';
import { makeUserCode, type UserCode } from './user-code.ts';

/** How long a person has from the moment the device shows its code. */
export const deviceAuthorizationTtlSeconds = 600;
/** RFC 8628 §3.2: what it is for clients that are told nothing, too. */
export const pollIntervalSeconds = 5;

export interface BegunAuthorization {
  readonly deviceCode: string;
  readonly userCode: UserCode;
}

/** A request that nobody has answered yet. */
export interface PendingAuthorization extends Pick<
  PendingRecord,
  'deviceId' | 'clientId' | 'resource' | 'scope' | 'expiresAt'
> {
  readonly key: DeviceKey;
}

/** Which request is meant, by whoever answers it. */
export type DeviceReference = Pick<PendingAuthorization, 'key' | 'deviceId' | 'expiresAt'>;

export type Poll =
  | { readonly outcome: 'approved'; readonly approval: string }
  /** `too-early`: and from now on it has to wait five seconds longer each time. */
  | { readonly outcome: 'pending' | 'too-early' | 'denied' | 'expired' }
  /** No device code of ours, or another client's. */
  | { readonly outcome: 'invalid' | 'foreign' };

/**
 * Devices that wait for a person: one positive record each, under the user code, and gone after ten minutes. What was
 * forgotten has to be begun anew. Rejects with `StoreError` when the store cannot answer.
 */
export interface DeviceAuthorizations {
  begin(
    client: Pick<Client, 'clientId' | 'fingerprint'>,
    asked: Pick<PendingRecord, 'resource' | 'scope'>,
  ): Promise<BegunAuthorization>;
  /** The request with this code, as long as it is not answered. */
  findPending(code: UserCode): Promise<PendingAuthorization | undefined>;
  /** Answers a request, once: true for one caller, false when it is answered or over. */
  answer(
    reference: DeviceReference,
    answer: { readonly outcome: 'approved'; readonly approval: string } | { readonly outcome: 'denied' },
  ): Promise<boolean>;
  /** What became of the request; counts the question. */
  poll(deviceCode: string, client: Client['fingerprint']): Promise<Poll>;
}

export interface DeviceAuthorizationsDeps {
  readonly store: Pick<Store, 'putIfAbsent' | 'get' | 'replace'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
}

const maxAttempts = 8;

export function createDeviceAuthorizations(deps: DeviceAuthorizationsDeps): DeviceAuthorizations {
  const { store, clock, random } = deps;

  async function read(key: DeviceKey): Promise<{ text: string; record: DeviceRecord } | undefined> {
    const text = await store.get(storeKeyOf(key));
    return text === undefined ? undefined : { text, record: parseDeviceRecord(text) };
  }

  async function countPoll(
    key: DeviceKey,
    text: string,
    record: PendingRecord,
  ): Promise<'pending' | 'too-early' | undefined> {
    const now = clock.nowMilliseconds();
    const isEarly = now < record.nextPollMs;
    // RFC 8628 §3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests".
    const intervalSeconds = record.intervalSeconds + (isEarly ? 5 : 0);
    const next = { ...record, intervalSeconds, nextPollMs: now + intervalSeconds * 1000 };
    const written = await store.replace(storeKeyOf(key), text, formatDeviceRecord(next), record.expiresAt);
    if (!written) return undefined;
    return isEarly ? 'too-early' : 'pending';
  }

  return {
    async begin(client, { resource, scope }) {
      const now = clock.nowMilliseconds();
      const expiresAt: EpochSeconds = clock.nowSeconds() + deviceAuthorizationTtlSeconds;
      const record: PendingRecord = {
        stage: 'pending',
        deviceId: random.token(16),
        clientId: client.clientId,
        resource,
        scope,
        intervalSeconds: pollIntervalSeconds,
        nextPollMs: now,
        expiresAt,
      };
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const userCode = makeUserCode(random);
        const key = deviceKeyOf(userCode);
        if (!(await store.putIfAbsent(storeKeyOf(key), formatDeviceRecord(record), expiresAt))) continue;
        const code = { key, deviceId: record.deviceId, client: client.fingerprint, expiresAt };
        return { deviceCode: sealDeviceCode(deps.sealer, code), userCode };
      }
      throw new Error('every user code that was tried is in use');
    },
    async findPending(code) {
      const key = deviceKeyOf(code);
      const record = (await read(key))?.record;
      return record?.stage === 'pending' ? { ...record, key } : undefined;
    },
    async answer({ key, deviceId, expiresAt }, answer) {
      const next: DeviceRecord =
        answer.outcome === 'approved'
          ? { stage: 'approved', deviceId, approval: answer.approval }
          : { stage: 'denied', deviceId };
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const present = await read(key);
        // The same user code for another device is another request.
        if (present?.record.stage !== 'pending' || present.record.deviceId !== deviceId) return false;
        if (await store.replace(storeKeyOf(key), present.text, formatDeviceRecord(next), expiresAt))
          return true;
      }
      throw new Error('the device authorization changed on every attempt to answer it');
    },
    async poll(deviceCode, client) {
      const code = openDeviceCode(deps.sealer, deviceCode);
      if (code === undefined) return { outcome: 'invalid' };
      if (code.client !== client) return { outcome: 'foreign' };
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        if (code.expiresAt <= clock.nowSeconds()) return { outcome: 'expired' };
        const present = await read(code.key);
        if (present === undefined || present.record.deviceId !== code.deviceId) return { outcome: 'expired' };
        const { record, text } = present;
        if (record.stage === 'approved') return { outcome: 'approved', approval: record.approval };
        if (record.stage === 'denied') return { outcome: 'denied' };
        const outcome = await countPoll(code.key, text, record);
        if (outcome !== undefined) return { outcome };
      }
      // Many questions at once.
      return { outcome: 'too-early' };
    },
  };
}
