import type { GatehouseConfig, MountConfig } from '../../src/gateway/config/config.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from './gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from './recording-upstream.ts';

/** Names of the mounts, as their upstreams answer with them. */
export type MountName = 'notes' | 'wiki' | 'files';

export const resourceOf: Readonly<Record<MountName, string>> = {
  notes: 'https://gatehouse.test/notes/mcp',
  wiki: 'https://gatehouse.test/wiki',
  files: 'https://files.test/mcp',
};

/** A gatehouse with three mounts: two by path, of which `notes` is the default one, and `files` by a host of its own. */
export interface MountedHouse extends TestGatehouse {
  readonly upstreams: Readonly<Record<MountName, RecordingUpstream>>;
  /** The same with another resource named in authorization requests. */
  asking(resource: string | undefined): TestGatehouse;
  /** A call to a mount, or to whatever URL. */
  call(url: string, accessToken?: string, init?: RequestInit): Promise<Response>;
}

export async function startMountedHouse(
  options: Pick<TestGatehouseOptions, 'env' | 'clock' | 'store'> & {
    readonly change?: (mounts: readonly MountConfig[]) => readonly MountConfig[];
  } = {},
): Promise<MountedHouse> {
  const upstreams = {
    notes: await startRecordingUpstream(),
    wiki: await startRecordingUpstream(),
    files: await startRecordingUpstream(),
  };
  for (const [name, upstream] of Object.entries(upstreams)) upstream.answer = replyJson({ name });
  const { change = (mounts) => mounts, ...others } = options;
  const gatehouse = await createTestGatehouse({
    ...others,
    mounts: (only) => atLeastOne(change(describeMounts(only, upstreams))),
  });
  return {
    ...gatehouse,
    upstreams,
    asking: (resource) => ({ ...gatehouse, resource: resource as string }),
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
    async close() {
      await gatehouse.close();
      for (const upstream of Object.values(upstreams)) await upstream.close();
    },
  };
}

export function atLeastOne(mounts: readonly MountConfig[]): GatehouseConfig['mounts'] {
  const [first, ...others] = mounts;
  if (first === undefined) throw new Error('a gatehouse has a mount at least');
  return [first, ...others];
}

function describeMounts(
  only: MountConfig,
  upstreams: Readonly<Record<MountName, RecordingUpstream>>,
): readonly MountConfig[] {
  const mount = (name: MountName, upstreamPath: string, changes: Partial<MountConfig>): MountConfig => ({
    ...only,
    name,
    publicOrigin: new URL(resourceOf[name]).origin,
    path: new URL(resourceOf[name]).pathname,
    isDefault: false,
    upstream: { ...only.upstream, origin: upstreams[name].origin, path: upstreamPath },
    ...changes,
  });
  return [
    mount('notes', '/mcp', { isDefault: true, title: 'Notes of the team' }),
    mount('wiki', '/wiki', { title: 'The wiki' }),
    mount('files', '/mcp', {}),
  ];
}
