import { Resolver } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';

/** The network as far as a peer that strangers name may have a say in it. */
export interface OutboundNetwork {
  /** Every address of a name, of both families. Rejects when there is none. */
  resolve(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Begins to connect to exactly this address. */
  dial(address: string, port: number): Socket;
  /** In place of the authorities that Node brings along, in PEM. */
  readonly ca?: string;
}

const queryTimeoutMs = 1_500;

/**
 * The real one. Asks DNS itself: the system's resolver blocks one of four threads for as long as a name server of
 * somebody's choice takes, knows names of this machine and its network, and tries search domains.
 * @param servers name servers, `address:port`. Default: those of the system
 */
export function createSystemNetwork(servers?: readonly string[]): OutboundNetwork {
  return {
    async resolve(name, signal) {
      const resolver = new Resolver({ timeout: queryTimeoutMs, tries: 2 });
      if (servers !== undefined) resolver.setServers(servers);
      const cancel = (): void => resolver.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
        const addresses = found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
        if (addresses.length === 0) throw new Error('the name has no address');
        return addresses;
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
    dial: (address, port) => connect({ host: address, port, autoSelectFamily: false }),
  };
}
