import { createHash } from 'node:crypto';

import type { EpochSeconds } from '../../platform/clock.ts';
import { integer, name, oneOf, shape, text, textList } from '../../platform/sealing/shape.ts';
import type { UserCode } from './user-code.ts';

/** What the store knows of one device authorization, until it is over. */
export type DeviceRecord = PendingRecord | ApprovedRecord | DeniedRecord;

export interface PendingRecord {
  readonly stage: 'pending';
  readonly deviceId: string;
  readonly clientId: string;
  readonly resource: string;
  readonly scope: readonly string[];
  /** How long the device has to wait between two questions. */
  readonly intervalSeconds: number;
  /** Milliseconds since the epoch. A question before this is one too many. */
  readonly nextPollMs: number;
  readonly expiresAt: EpochSeconds;
}

export interface ApprovedRecord {
  readonly stage: 'approved';
  readonly deviceId: string;
  /** The grant, sealed. */
  readonly approval: string;
}

export interface DeniedRecord {
  readonly stage: 'denied';
  readonly deviceId: string;
}

/** Names a record without saying its user code: what the device and the browser carry of it. */
export type DeviceKey = string & { readonly __brand: 'DeviceKey' };

export function deviceKeyOf(code: UserCode): DeviceKey {
  return createHash('sha256').update(code).digest('base64url') as DeviceKey;
}

export function storeKeyOf(key: DeviceKey): string {
  return `device:${key}`;
}

export function formatDeviceRecord(record: DeviceRecord): string {
  return JSON.stringify(record);
}

const pending = shape({
  stage: oneOf('pending'),
  deviceId: name,
  clientId: name,
  resource: name,
  scope: textList,
  intervalSeconds: integer,
  nextPollMs: integer,
  expiresAt: integer,
});
const approved = shape({ stage: oneOf('approved'), deviceId: name, approval: text });
const denied = shape({ stage: oneOf('denied'), deviceId: name });

/** @throws TypeError when the text is no device record: somebody else writes to our keys */
export function parseDeviceRecord(stored: string): DeviceRecord {
  const record: unknown = JSON.parse(stored);
  if (pending.matches(record) || approved.matches(record) || denied.matches(record)) return record;
  throw new TypeError('the stored text is no device record');
}
