import type { GatehouseConfig, MountConfig } from '../../src/gateway/config/config.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from './gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from './recording-upstream.ts';

/** The resource of a label at the wildcard of the house. */
export function resourceAt(label: string): string {
  return `https://${label}.mcp.test/mcp`;
}

/**
 * A gatehouse at `https://gatehouse.test` with a mount at every host of `*.mcp.test`, one at the issuer, and one at
 * `own.mcp.test`, which is a host of its own.
 */
export interface WildcardHouse extends TestGatehouse {
  /** Behind the wildcard: answers with the target that it was asked. */
  readonly upstream: RecordingUpstream;
  /** Behind `own.mcp.test` and the issuer's `/mcp`. */
  readonly other: RecordingUpstream;
  /** The same with another resource named in authorization requests. */
  asking(resource: string): TestGatehouse;
  call(url: string, accessToken?: string, init?: RequestInit): Promise<Response>;
  /** Goes over to the file with these mounts. */
  reload(change: (mounts: readonly MountConfig[]) => readonly MountConfig[]): Promise<void>;
}

export interface WildcardHouseOptions extends Pick<TestGatehouseOptions, 'env' | 'clock' | 'store'> {
  /** Keys of the wildcard mount over the usual ones; `url` and `upstream` are there. */
  readonly wildcard?: Readonly<Record<string, unknown>>;
  /** Further mounts. */
  readonly mounts?: (upstreams: { readonly other: string }) => readonly Readonly<Record<string, unknown>>[];
  /** Other sections of the file. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

export async function startWildcardHouse(options: WildcardHouseOptions = {}): Promise<WildcardHouse> {
  const upstream = await startRecordingUpstream();
  const other = await startRecordingUpstream();
  upstream.answer = (request, socket) => replyJson({ at: request.target })(request, socket);
  other.answer = replyJson({ at: 'other' });
  const { wildcard, mounts, sections, ...others } = options;
  const usual = {
    name: 'tenants',
    url: 'https://*.mcp.test/mcp',
    upstream: `${upstream.origin}/{label}/mcp`,
  };
  const gatehouse = await createTestGatehouse({
    ...others,
    file: JSON.stringify({
      mounts: [
        { name: 'main', url: '/mcp', upstream: `${other.origin}/mcp`, default: true },
        { ...usual, ...wildcard },
        { name: 'own', url: 'https://own.mcp.test/notes', upstream: `${other.origin}/mcp` },
        ...(mounts?.({ other: other.origin }) ?? []),
      ],
      ...sections,
    }),
  });
  return {
    ...gatehouse,
    upstream,
    other,
    asking: (resource) => ({ ...gatehouse, resource }),
    call: (url, accessToken, init = {}) =>
      gatehouse.fetch(url, {
        method: 'POST',
        body: '{}',
        ...init,
        headers: {
          'content-type': 'application/json',
          ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
    reload: (change) =>
      gatehouse.gateway.reload({
        ...gatehouse.config,
        mounts: change(gatehouse.config.mounts) as GatehouseConfig['mounts'],
      }),
    async close() {
      await gatehouse.close();
      await Promise.all([upstream.close(), other.close()]);
    },
  };
}
