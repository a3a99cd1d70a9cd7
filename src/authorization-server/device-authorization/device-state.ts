import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape } from '../../platform/sealing/shape.ts';
import type { DeviceReference } from '../../services/devices/device-authorizations.ts';
import type { DeviceKey } from '../../services/devices/device-record.ts';

/** Goes as `state` through the authorization that answers a device, which seals it again: hence its small cap. */
const deviceStatePurpose: SealPurpose = { name: 'device-state', prefix: 'mgh_ds_', maxLength: 512 };

/** What comes back with the answer of a person: which device, and the proof that the code was made for it. */
export interface DeviceState extends DeviceReference {
  readonly codeVerifier: string;
}

const sealedState = shape({ key: name, dev: name, ver: name, exp: integer });

export function sealDeviceState(sealer: Sealer, state: DeviceState): string {
  const packed: Infer<typeof sealedState> = {
    key: state.key,
    dev: state.deviceId,
    ver: state.codeVerifier,
    exp: state.expiresAt,
  };
  return sealer.seal(deviceStatePurpose, JSON.stringify(packed));
}

/** The state, or undefined for anything we did not seal as one. Expiry is the caller's to judge. */
export function openDeviceState(sealer: Sealer, token: string): DeviceState | undefined {
  const plaintext = sealer.open(deviceStatePurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedState.matches(packed)) return undefined;
  return {
    key: packed.key as DeviceKey,
    deviceId: packed.dev,
    codeVerifier: packed.ver,
    expiresAt: packed.exp,
  };
}
