import { type Lane, lanes } from './attacked-house.ts';
import { freePort } from './free-port.ts';
import { hasHaproxy, startHaproxy } from './haproxy.ts';
import { hasNginx, startNginx } from './nginx.ts';

/** What stands between a client and the gatehouse. */
export interface Front {
  /** Where clients connect. */
  readonly port: number;
  close(): Promise<void>;
}

export type StartFront = (gatehousePort: number) => Promise<Front>;

/** Both are Debian's. */
export const hasFronts = hasNginx && hasHaproxy;

const nginx: StartFront = async (replica) => {
  const port = await freePort();
  return { ...(await startNginx({ port, replicas: [replica] })), port };
};

const haproxy: StartFront = async (replica) => {
  const port = await freePort();
  return { ...(await startHaproxy({ port, replicas: [replica] })), port };
};

const nothing: StartFront = (port) => Promise.resolve({ port, close: () => Promise.resolve() });

type Way = readonly [front: string, lane: string, start: StartFront, env: Lane];

function cross(fronts: readonly (readonly [string, StartFront])[]): readonly Way[] {
  // Whoever stands in front is believed about addresses, as in a deployment.
  const trusting = { TRUSTED_PROXY_CIDRS: '127.0.0.0/8' };
  return fronts.flatMap(([front, start]) =>
    lanes.map(([lane, env]) => [front, lane, start, { ...trusting, ...env }] as const),
  );
}

/** Every way to the upstream through a proxy, for `describe.each`. */
export const proxiedWays = cross([
  ['nginx', nginx],
  ['HAProxy', haproxy],
]);

/** Those, and the direct ones. */
export const allWays = [...cross([['nothing', nothing]]), ...proxiedWays];
