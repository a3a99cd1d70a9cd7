import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, name } from '../../platform/sealing/shape.ts';
import { type GrantTerms, packTerms, sealedTerms, unpackTerms } from './grant-terms.ts';

/** Of a purpose of its own: what waits in the store for a device is no code that a browser could present. */
const deviceApprovalPurpose: SealPurpose = {
  name: 'device-approval',
  prefix: 'mgh_da_',
  maxLength: 8192,
};

/** What a person allowed a device, until it comes for its tokens. */
export interface DeviceApproval {
  readonly terms: GrantTerms;
  /** The identity provider's refresh token, on its way into ours. */
  readonly identityToken?: string | undefined;
}

const sealedApproval = sealedTerms.extend({}, { irt: name });

export function sealDeviceApproval(sealer: Sealer, { terms, identityToken }: DeviceApproval): string {
  const packed: Infer<typeof sealedApproval> = {
    ...packTerms(terms),
    ...(identityToken === undefined ? {} : { irt: identityToken }),
  };
  return sealer.seal(deviceApprovalPurpose, JSON.stringify(packed));
}

/** The approval, or undefined for anything we did not seal as one. */
export function openDeviceApproval(sealer: Sealer, token: string): DeviceApproval | undefined {
  const plaintext = sealer.open(deviceApprovalPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedApproval.matches(packed)) return undefined;
  return {
    terms: unpackTerms(packed),
    ...(packed.irt === undefined ? {} : { identityToken: packed.irt }),
  };
}
