import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { soundEnvironment } from '../../test/support/configuration.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { CallDetails } from './access-log.ts';
import type { MountConfig } from './config/config.ts';
import { loadConfig } from './config/load-config.ts';
import type { Mount, MountDeps } from './mount.ts';
import { createMountFamily } from './mount-family.ts';

/** What was opened for a label, and what becomes of it. */
interface Opened {
  readonly config: MountConfig;
  readonly deps: MountDeps;
  readonly policies: unknown[];
  readonly ended: number[];
  isClosed: boolean;
}

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;
const record = { method: 'POST', path: '/mcp', status: 200, durationMs: 1, requestId: 'a' };
const nobody: CallDetails = {
  subject: undefined,
  email: undefined,
  requestBytes: 0,
  responseBytes: 0,
  rpc: undefined,
};

function openFamily(change: Readonly<Record<string, unknown>> = {}) {
  const entry = {
    name: 'tenants',
    url: 'https://*.mcp.test/mcp',
    upstream: 'http://{label}.internal:3000/mcp',
    request_headers: { set: { 'X-Tenant': 'of {label}' } },
    ...change,
  };
  const text = JSON.stringify({ mounts: [entry] });
  const config = loadConfig({ ...environment, GATEHOUSE_CONFIG: 'g.yaml' }, () => text);
  const opened: Opened[] = [];
  const told: unknown[] = [];
  const deps = {
    clock: new FakeClock(),
    emit: () => undefined,
    onAccess: (...all: unknown[]) => told.push(all),
  } as unknown as MountDeps;
  const family = createMountFamily(config.mounts[0], config, deps, (its, _config, itsDeps) => {
    const one: Opened = { config: its, deps: itsDeps, policies: [], ended: [], isClosed: false };
    opened.push(one);
    return {
      config: its,
      isBusy: () => false,
      changePolicy: (rules: unknown) => one.policies.push(rules),
      endListeningStreams: (part: number) => one.ended.push(part),
      retire: (onOver: () => void) => setImmediate(onOver),
      close: () => {
        one.isClosed = true;
      },
    } as unknown as Mount;
  });
  return { family, opened, told };
}

describe('a mount at many hosts', () => {
  it('opens for a label the mount that could have been written down', () => {
    const { family, opened } = openFamily();
    family.open('red');
    expect(opened[0]?.config).toMatchObject({
      name: 'tenants',
      publicOrigin: 'https://red.mcp.test',
      path: '/mcp',
      upstream: { origin: 'http://red.internal:3000', path: '/mcp' },
      headers: { set: [['x-tenant', 'of red']] },
    });
    expect(opened[0]?.config.labels).toBeUndefined();
    expect(opened[0]?.deps.isOneOfMany()).toBe(true);
  });

  it('tells the host of a call', () => {
    const { family, opened, told } = openFamily();
    family.open('red');
    opened[0]?.deps.onAccess(record, nobody, 'tenants');
    expect(told).toEqual([[{ ...record, host: 'red.mcp.test' }, nobody, 'tenants']]);
  });

  it('keeps the labels at which somebody was let in from those that strangers made up', async () => {
    const { family, opened } = openFamily();
    const red = family.open('red');
    opened[0]?.deps.onAccess(record, { ...nobody, subject: 'alice' }, 'tenants');
    for (let at = 0; at < 2_000; at += 1) {
      family.open(`made-up-${at}`);
      opened.at(-1)?.deps.onAccess(record, nobody, 'tenants');
    }
    await turn();
    expect(family.open('red')).toBe(red);
    expect(opened.filter(({ isClosed }) => !isClosed).length).toBeLessThan(100);
  });

  it('closes the mounts of labels that are gone, and those alone', async () => {
    const { family, opened } = openFamily();
    family.open('red');
    family.open('blue');
    family.changeLabels(['blue']);
    await turn();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect([family.serves('red'), family.serves('blue')]).toEqual([false, true]);
    expect(family.config.labels).toEqual(['blue']);
  });

  it('compiles its rules once for all labels, and again when they are others', () => {
    const { family, opened } = openFamily({ policy: { default: 'deny' } });
    family.open('red');
    family.open('blue');
    const [red, blue] = opened;
    const [deny, allow] = (['deny', 'allow'] as const).map((otherwise) => ({ otherwise, rules: [] }));
    const compiled = red?.deps.compilePolicy?.(deny!, '');
    expect(blue?.deps.compilePolicy?.(deny!, '')).toBe(compiled);
    const other = blue?.deps.compilePolicy?.(allow!, '');
    expect(other).not.toBe(compiled);
    expect(red?.deps.compilePolicy?.(allow!, '')).toBe(other);
    expect(red?.deps.compilePolicy?.(allow!, 'https://issuer.test')).not.toBe(other);

    family.changePolicy(allow);
    family.open('green');
    expect(opened.map(({ policies }) => policies)).toEqual([[allow], [allow], []]);
    expect(opened[2]?.config.policy).toBe(allow);
  });

  it('ends streams of every label, and of those that are gone, and is closed with all of them', () => {
    const { family, opened } = openFamily();
    family.open('red');
    family.open('blue');
    family.changeLabels(['blue']);
    family.endListeningStreams(0.5);
    expect(opened.map(({ ended }) => ended)).toEqual([[0.5], [0.5]]);
    family.close();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it('is over when the last of its mounts is', async () => {
    const { family, opened } = openFamily();
    family.open('red');
    let isOver = false;
    family.retire(() => (isOver = true));
    expect(isOver).toBe(false);
    for (let at = 0; at < 4; at += 1) await turn();
    expect([isOver, opened[0]?.isClosed]).toEqual([true, true]);
  });
});
