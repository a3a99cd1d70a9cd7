import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import {
  createDeviceAuthorizations,
  type DeviceAuthorizations,
  deviceAuthorizationTtlSeconds,
  type DeviceReference,
} from './device-authorizations.ts';

const client = { clientId: 'client-a', fingerprint: fingerprintClientId('client-a') };
const asked = { resource: 'https://gatehouse.test/mcp', scope: ['read'] };

function open(): { clock: FakeClock; devices: DeviceAuthorizations; again: DeviceAuthorizations } {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const sealer = createSealer({
    secrets: ['s'.repeat(32)],
    context: 'https://gatehouse.test',
    random: systemRandom,
  });
  const make = (): DeviceAuthorizations =>
    createDeviceAuthorizations({ store, sealer, clock, random: systemRandom });
  return { clock, devices: make(), again: make() };
}

async function begin(
  devices: DeviceAuthorizations,
): Promise<{ deviceCode: string; reference: DeviceReference }> {
  const { deviceCode, userCode } = await devices.begin(client, asked);
  const waiting = await devices.findPending(userCode);
  if (waiting === undefined) throw new Error('nothing waits with the code');
  return { deviceCode, reference: waiting };
}

describe('device authorizations (RFC 8628)', () => {
  it('wait with what was asked for, by their user code', async () => {
    const { devices, again } = open();
    const { userCode } = await devices.begin(client, asked);
    expect(await again.findPending(userCode)).toMatchObject({ clientId: 'client-a', ...asked });
  });

  it('tell the device to wait, in the interval, and to wait longer when it does not', async () => {
    const { clock, devices, again } = open();
    const { deviceCode } = await begin(devices);
    const poll = async (from: DeviceAuthorizations): Promise<string> =>
      (await from.poll(deviceCode, client.fingerprint)).outcome;
    expect(await poll(devices)).toBe('pending');
    clock.advance(4);
    // The other process knows of the first question; 10 seconds from now on.
    expect(await poll(again)).toBe('too-early');
    clock.advance(6);
    // 15.
    expect(await poll(devices)).toBe('too-early');
    clock.advance(15);
    expect(await poll(again)).toBe('pending');
    clock.advance(14);
    expect(await poll(devices)).toBe('too-early');
  });

  it('hand over what was approved, also to one that asks too early', async () => {
    const { devices, again } = open();
    const { deviceCode, reference } = await begin(devices);
    await devices.poll(deviceCode, client.fingerprint);
    expect(await again.answer(reference, { outcome: 'approved', approval: 'sealed' })).toBe(true);
    expect(await devices.poll(deviceCode, client.fingerprint)).toEqual({
      outcome: 'approved',
      approval: 'sealed',
    });
  });

  it('are answered once, by one of many', async () => {
    const { devices, again } = open();
    const { deviceCode, reference } = await begin(devices);
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        (index % 2 === 0 ? devices : again).answer(
          reference,
          index % 3 === 0 ? { outcome: 'denied' } : { outcome: 'approved', approval: `sealed-${index}` },
        ),
      ),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
    const { outcome } = await devices.poll(deviceCode, client.fingerprint);
    expect(['denied', 'approved']).toContain(outcome);
  });

  it('are answered while the device keeps asking', async () => {
    const { devices } = open();
    const { deviceCode, reference } = await begin(devices);
    const [answered] = await Promise.all([
      devices.answer(reference, { outcome: 'denied' }),
      ...Array.from({ length: 5 }, () => devices.poll(deviceCode, client.fingerprint)),
    ]);
    expect(answered).toBe(true);
    expect(await devices.poll(deviceCode, client.fingerprint)).toEqual({ outcome: 'denied' });
  });

  it('are not found by their user code once they are answered', async () => {
    const { devices } = open();
    const { userCode } = await devices.begin(client, asked);
    const waiting = await devices.findPending(userCode);
    if (waiting === undefined) throw new Error('nothing waits');
    await devices.answer(waiting, { outcome: 'denied' });
    expect(await devices.findPending(userCode)).toBeUndefined();
  });

  it('end after ten minutes, for the device, the person and the answer', async () => {
    const { clock, devices } = open();
    const { userCode, deviceCode } = await devices.begin(client, asked);
    const waiting = await devices.findPending(userCode);
    if (waiting === undefined) throw new Error('nothing waits');
    clock.advance(deviceAuthorizationTtlSeconds);
    expect(await devices.findPending(userCode)).toBeUndefined();
    expect(await devices.answer(waiting, { outcome: 'approved', approval: 'sealed' })).toBe(false);
    expect(await devices.poll(deviceCode, client.fingerprint)).toEqual({ outcome: 'expired' });
  });

  it('are expired, not approved, when the store has forgotten them or the code is another device’s', async () => {
    const { devices } = open();
    const { devices: elsewhere } = open();
    const { deviceCode, reference } = await begin(elsewhere);
    expect(await devices.poll(deviceCode, client.fingerprint)).toEqual({ outcome: 'expired' });
    const { reference: other } = await begin(devices);
    // The same user code, begun by another device.
    const stale = { ...reference, key: other.key };
    expect(await devices.answer(stale, { outcome: 'approved', approval: 'sealed' })).toBe(false);
  });

  it('say nothing to another client, and nothing about codes of others', async () => {
    const { devices } = open();
    const { deviceCode } = await begin(devices);
    const stranger = fingerprintClientId('client-b');
    expect(await devices.poll(deviceCode, stranger)).toEqual({ outcome: 'foreign' });
    expect(await devices.poll(`${deviceCode.slice(0, -2)}AA`, client.fingerprint)).toEqual({
      outcome: 'invalid',
    });
    expect(await devices.poll('', client.fingerprint)).toEqual({ outcome: 'invalid' });
  });
});
