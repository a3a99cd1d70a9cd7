import type { SitedMount } from '../src/gateway/site.ts';
import { createSites, type Sites } from '../src/gateway/sites.ts';
import type { SitedFamily } from '../src/gateway/wildcard-sites.ts';
import { times } from './effort.ts';
import { ownCpuSeconds, spread, type Spread } from './measure.ts';

const issuer = 'https://bench.test';
const many = 50;

/** Nanoseconds of CPU from a request's Host and target to its mount, the last of all. */
interface Lookups {
  /** `POST /name/mcp`, as nearly every call is. */
  readonly exactNs: Spread;
  /** `/name/mcp/more?x=y`. */
  readonly belowNs: Spread;
}

export interface MountsBench {
  readonly one: Lookups;
  readonly fiftyByPath: Lookups;
  readonly fiftyByHost: Lookups;
  /** One of fifty labels of a wildcard, all of which were called before. */
  readonly fiftyLabels: Lookups;
}

const names = ['one', 'fiftyByPath', 'fiftyByHost', 'fiftyLabels'] as const;

/** What it costs to find the mount of a call. */
export function benchMounts(): Promise<MountsBench> {
  const kinds = {
    one: describeKind(1, () => issuer),
    fiftyByPath: describeKind(many, () => issuer),
    fiftyByHost: describeKind(many, (at) => `https://host-${at}.test`),
    fiftyLabels: describeLabels(many),
  };
  const figures = {
    one: createTally(),
    fiftyByPath: createTally(),
    fiftyByHost: createTally(),
    fiftyLabels: createTally(),
  };
  const rounds = times(11, 1);
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const { sites, host, path } = kinds[name];
      const exact = measure(sites, host, path);
      const below = measure(sites, host, `${path}/more?x=y`);
      // The first round compiles.
      if (round > 0) figures[name].add(exact, below);
    }
  }
  return Promise.resolve({
    one: figures.one.sum(),
    fiftyByPath: figures.fiftyByPath.sum(),
    fiftyByHost: figures.fiftyByHost.sum(),
    fiftyLabels: figures.fiftyLabels.sum(),
  });
}

interface Kind {
  readonly sites: Sites;
  readonly host: string;
  readonly path: string;
}

function describeKind(count: number, originOf: (at: number) => string): Kind {
  const mounts = Array.from({ length: count }, (_, at) => createMount(originOf(at), `/server-${at}/mcp`));
  const last = mounts.at(-1) as SitedMount;
  const sites = layOut(mounts);
  return { sites, host: new URL(last.publicOrigin).host, path: last.path };
}

function describeLabels(count: number): Kind {
  const publicOrigin = 'https://*.mcp.test';
  const refuse = (): never => {
    throw new Error('nobody calls');
  };
  const config = { publicOrigin, labels: 'any' } as SitedFamily['config'];
  const path = '/mcp';
  const sites = layOut([
    { config, publicOrigin, path, serves: () => true, open: refuse, metadataOf: () => refuse },
  ]);
  for (let at = 0; at < count; at += 1) sites.find([`label-${at}.mcp.test`]);
  return { sites, host: `label-${count - 1}.mcp.test`, path };
}

function layOut(mounts: readonly (SitedMount | SitedFamily)[]): Sites {
  const endpoint = (): Promise<Response> => Promise.reject(new Error('nobody asks'));
  const endpoints: Parameters<typeof createSites>[2]['endpoints'] = {
    authorizationServerMetadata: endpoint,
    register: endpoint,
    registration: endpoint,
    authorize: endpoint,
    consent: endpoint,
    callbacks: [{ path: '/callback', handler: endpoint }],
    token: endpoint,
    device: undefined,
    account: undefined,
    backchannelLogout: endpoint,
    revoke: endpoint,
    introspect: endpoint,
  };
  return createSites(mounts, undefined, { issuer, endpoints, isHostAcceptable: () => true });
}

function createMount(publicOrigin: string, path: string): SitedMount {
  const refuse = (): never => {
    throw new Error('nobody calls');
  };
  return { publicOrigin, path, metadata: refuse, handle: refuse };
}

/** Every text is new, as it is when it comes out of a socket: its hash is not known yet. */
function measure(sites: Sites, host: string, target: string): number {
  const count = times(200_000, 100);
  const requests = Array.from({ length: count }, () => ({ hosts: [copy(host)], target: copy(target) }));
  const begin = ownCpuSeconds();
  let found = 0;
  for (const request of requests) {
    if (sites.find(request.hosts)?.findMount(request.target) !== undefined) found += 1;
  }
  const seconds = ownCpuSeconds() - begin;
  if (found !== count) throw new Error(`${count - found} requests found no mount`);
  return (seconds * 1e9) / count;
}

function copy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function createTally() {
  const exact: number[] = [];
  const below: number[] = [];
  return {
    add(exactNs: number, belowNs: number): void {
      exact.push(exactNs);
      below.push(belowNs);
    },
    sum: (): Lookups => ({ exactNs: spread(exact), belowNs: spread(below) }),
  };
}
