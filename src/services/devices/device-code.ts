import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape } from '../../platform/sealing/shape.ts';
import type { ClientFingerprint } from '../clients/client.ts';
import type { DeviceKey } from './device-record.ts';

const deviceCodePurpose: SealPurpose = { name: 'device-code', prefix: 'mgh_dc_', maxLength: 512 };

/** What a device code says once opened: which record to ask about, and who may. */
export interface DeviceCode {
  readonly key: DeviceKey;
  /** The record must be of this very request: user codes come again. */
  readonly deviceId: string;
  readonly client: ClientFingerprint;
  readonly expiresAt: EpochSeconds;
}

const sealedDeviceCode = shape({ key: name, dev: name, cid: name, exp: integer });

export function sealDeviceCode(sealer: Sealer, code: DeviceCode): string {
  const packed: Infer<typeof sealedDeviceCode> = {
    key: code.key,
    dev: code.deviceId,
    cid: code.client,
    exp: code.expiresAt,
  };
  return sealer.seal(deviceCodePurpose, JSON.stringify(packed));
}

/** The code's content, or undefined for anything we did not seal as a device code. Expiry is the caller's to judge. */
export function openDeviceCode(sealer: Sealer, token: string): DeviceCode | undefined {
  const plaintext = sealer.open(deviceCodePurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedDeviceCode.matches(packed)) return undefined;
  return {
    key: packed.key as DeviceKey,
    deviceId: packed.dev,
    client: packed.cid as ClientFingerprint,
    expiresAt: packed.exp,
  };
}
