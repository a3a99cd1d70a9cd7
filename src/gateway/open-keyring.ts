import type { Clock } from '../platform/clock.ts';
import {
  createKeyring,
  type Keyring,
  type KeyringDeps,
  type KeyState,
  scheduleSecrets,
} from '../platform/sealing/keyring.ts';
import type { Random } from '../platform/random.ts';
import { createSealCounter } from '../platform/sealing/seal-counter.ts';
import { Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import type { Emit } from '../services/audit/events.ts';
import { watchKeyFile } from '../services/keys/key-file-watch.ts';
import { scheduleKeys } from '../services/keys/key-set.ts';
import type { GatehouseConfig } from './config/config.ts';

/** The keys of this process, and what is seen of them from outside. */
export interface OpenKeyring {
  readonly keyring: Keyring;
  readonly onSeal: (key: string) => void;
  /** Reads the key file again, if there is one. */
  reload(): Promise<void>;
  close(): void;
}

export interface OpenKeyringDeps {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly registry: Registry;
  readonly random: Random;
}

/** @throws KeySetError when the key file is not acceptable */
export function openKeyring(
  config: Pick<GatehouseConfig, 'sealing' | 'productionMode'>,
  deps: OpenKeyringDeps,
): OpenKeyring {
  const { clock, emit, registry } = deps;
  const keyringDeps: KeyringDeps = {
    clock,
    onStateChange: (key, state) => emit({ type: 'key_state_changed', key, state }, undefined),
  };
  const onSeal = observeSeals(registry, emit);
  const { sealing } = config;
  if (sealing.kind === 'none') {
    const keyring = createKeyring(scheduleSecrets([deps.random.token(32)]), keyringDeps);
    return { keyring, onSeal, reload: async () => {}, close: () => {} };
  }
  if (sealing.kind === 'secrets') {
    const keyring = createKeyring(scheduleSecrets(sealing.secrets), keyringDeps);
    observeStates(registry, keyring);
    return { keyring, onSeal, reload: async () => {}, close: () => {} };
  }
  const watch = watchKeyFile({
    path: sealing.path,
    refuseExposed: config.productionMode,
    clock,
    onKeys: (entries) => keyring.replace(scheduleKeys(entries)),
    onRefused: (fault) => emit({ type: 'keys_reload_refused', fault }, undefined),
  });
  const keyring = createKeyring(scheduleKeys(watch.entries), keyringDeps);
  observeStates(registry, keyring);
  return { keyring, onSeal, reload: () => watch.check(), close: () => watch.close() };
}

function observeSeals(registry: Registry, emit: Emit): (key: string) => void {
  const seals = new Gauge({
    name: 'gatehouse_token_seals_per_key',
    help: 'Values this process sealed, by key',
    labelNames: ['key'],
    registers: [registry],
  });
  const counter = createSealCounter({
    onHigh: (key, count) => emit({ type: 'seal_count_high', key, seals: count }, undefined),
  });
  return (key) => seals.set({ key }, counter.count(key));
}

const states: readonly KeyState[] = ['announced', 'active', 'retiring', 'destroyed'];

function observeStates(registry: Registry, keyring: Keyring): void {
  const gauge = new Gauge({
    name: 'gatehouse_sealing_keys',
    help: 'Keys by state',
    labelNames: ['state'],
    // All workers have the same keys.
    aggregator: 'max',
    registers: [registry],
    collect: () => {
      const found = [...keyring.current().states.values()];
      for (const state of states) gauge.set({ state }, found.filter((each) => each === state).length);
    },
  });
}
