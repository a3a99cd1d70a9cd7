import { afterEach, beforeEach } from 'vitest';

import type { OutboundNetwork } from '../../../src/platform/outbound/outbound-network.ts';
import { FakeClock } from '../fake-clock.ts';
import { TestOpenIdProvider } from '../openid-provider.ts';
import { openProvider, type OpenedProvider } from './opened-provider.ts';

/** A simulator and the provider that was opened on it, anew for every test and closed after it. */
export interface StartedProvider {
  readonly clock: FakeClock;
  readonly remote: TestOpenIdProvider;
  readonly opened: OpenedProvider;
  /** Opens it again, with more variables. */
  open(env?: Readonly<Record<string, string | undefined>>): OpenedProvider;
}

export function startForEachTest(
  become: (remote: TestOpenIdProvider) => void,
  environment: (remote: TestOpenIdProvider) => Readonly<Record<string, string | undefined>>,
  network?: () => OutboundNetwork,
): StartedProvider {
  let clock: FakeClock;
  let remote: TestOpenIdProvider;
  let opened: OpenedProvider | undefined;

  function open(env: Readonly<Record<string, string | undefined>> = {}): OpenedProvider {
    opened?.provider.close();
    opened = openProvider(remote, clock, { ...environment(remote), ...env }, network?.());
    return opened;
  }

  beforeEach(async () => {
    clock = new FakeClock();
    remote = await TestOpenIdProvider.start(clock);
    become(remote);
  });
  afterEach(async () => {
    opened?.provider.close();
    opened = undefined;
    await remote.close();
  });

  return {
    get clock() {
      return clock;
    },
    get remote() {
      return remote;
    },
    get opened() {
      return opened ?? open();
    },
    open,
  };
}
