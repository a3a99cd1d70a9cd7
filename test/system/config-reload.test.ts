import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { signIn } from '../support/flow.ts';
import { type CallAnswer, callPort } from '../support/mount-client.ts';
import { eventually } from '../support/redis.ts';
import { type ServingWorkers, startServingWorkers } from '../support/serving-workers.ts';
import { openStream, startStreamingUpstream, type StreamingUpstream } from '../support/streaming-upstream.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface House {
  readonly crew: ServingWorkers;
  readonly upstream: StreamingUpstream;
  /** As Kubernetes and careful editors do it: never half a file. */
  write(...lines: readonly string[]): void;
  mountLines(name: string, url: string): readonly string[];
  /** A file beside the configuration. */
  put(name: string, text: string): string;
}

async function startHouse(workers: number): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-reload-'));
  closers.push(async () => rmSync(folder, { recursive: true }));
  const upstream = await startStreamingUpstream();
  closers.push(() => upstream.close());
  const file = join(folder, 'gatehouse.yaml');
  const write = (...lines: readonly string[]): void => {
    writeFileSync(`${file}.next`, ['mounts:', ...lines, ''].join('\n'));
    renameSync(`${file}.next`, file);
  };
  const mountLines = (name: string, url: string): readonly string[] => [
    `  - name: ${name}`,
    `    url: ${url}`,
    `    upstream: ${upstream.url}`,
  ];
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  write(...mountLines('first', '/mcp'));
  const crew = await startServingWorkers({ workers, env: { UPSTREAM_MCP_URL: '', GATEHOUSE_CONFIG: file } });
  closers.push(() => crew.close());
  return { crew, upstream, write, mountLines, put };
}

async function statusAt(crew: ServingWorkers, path: string, accessToken?: string): Promise<number> {
  const response = await crew.fetch(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
  await response.arrayBuffer();
  return response.status;
}

/** Asked often enough that every process has answered. */
async function statusesAt(crew: ServingWorkers, path: string, accessToken?: string): Promise<Set<number>> {
  const found = new Set<number>();
  for (let asked = 0; asked < 12; asked += 1) found.add(await statusAt(crew, path, accessToken));
  return found;
}

describe.each([1, 2])('a configuration file that changes under %i serving', (workers) => {
  it('brings mounts and takes them, keeps streams, and is left alone while it is not acceptable', async () => {
    const { crew, upstream, write, mountLines } = await startHouse(workers);
    const tokens = await eventually(() => signIn(crew, { logIn: (url) => crew.provider.logIn(url) }));
    const stream = await openStream(crew, tokens.accessToken);
    expect(await statusesAt(crew, '/second/mcp')).toEqual(new Set([404]));

    write(...mountLines('first', '/mcp'), ...mountLines('second', '/second/mcp'));
    await crew.line('config_reloaded');
    // A new mount wants a token of its own.
    await eventually(async () => {
      expect(await statusesAt(crew, '/second/mcp')).toEqual(new Set([401]));
    });
    expect(await statusesAt(crew, '/second/mcp', tokens.accessToken)).toEqual(new Set([401]));
    const resource = `${crew.publicUrl}/second/mcp`;
    const second = await signIn({ ...crew, resource }, { logIn: (url) => crew.provider.logIn(url) });
    expect(await statusesAt(crew, '/second/mcp', second.accessToken)).toEqual(new Set([200]));

    write(...mountLines('first', '/mcp'), '  - name: third', '    upstream_authorization: Bearer canary');
    expect(await crew.line('config_reload_refused')).toMatchObject({
      problems: [
        expect.stringContaining('gatehouse.yaml:5:5: mounts[1].url is missing'),
        expect.stringContaining('gatehouse.yaml:5:5: mounts[1].upstream is missing'),
        expect.stringContaining('gatehouse.yaml:6:5: mounts[1].upstream_authorization is no key'),
      ],
    });
    expect(await crew.metric('gatehouse_config_reload_failed')).toBe(1);
    expect(await statusesAt(crew, '/second/mcp', second.accessToken)).toEqual(new Set([200]));
    expect(await statusesAt(crew, '/mcp', tokens.accessToken)).toEqual(new Set([200]));

    write(...mountLines('second', '/second/mcp'));
    await crew.line('config_reloaded', 2);
    await eventually(async () => {
      expect(await statusesAt(crew, '/mcp', tokens.accessToken)).toEqual(new Set([404]));
    });
    // What was open when its mount went is its client's to end.
    expect(await Promise.race([stream.ended.then(() => 'ended'), Promise.resolve('open')])).toBe('open');
    expect(upstream.openStreams).toBe(1);
    expect(await crew.metric('gatehouse_config_reload_failed')).toBe(0);
    expect(JSON.stringify(crew.lines) + crew.errorText()).not.toContain('canary');
  });

  it('changes nothing anywhere when a certificate of a new mount cannot be read, and says so once', async () => {
    const { crew, write, mountLines, put } = await startHouse(workers);
    const secure = [
      '  - name: second',
      '    url: /second/mcp',
      '    upstream: https://127.0.0.1:9/mcp',
      `    tls: { ca_file: ${put('ca.pem', 'no certificate')} }`,
    ];
    write(...mountLines('first', '/mcp'), ...secure);
    expect(await crew.line('config_reload_refused')).toMatchObject({
      problems: [expect.stringContaining('ca_file names a file that has no certificate in it')],
    });
    expect(await crew.metric('gatehouse_config_reload_failed')).toBe(1);
    expect(await statusesAt(crew, '/second/mcp')).toEqual(new Set([404]));
    expect(crew.lines.filter(({ msg }) => msg === 'config_reload_refused')).toHaveLength(1);
    expect(crew.lines.map(({ msg }) => msg)).not.toContain('config_reloaded');
  });

  it('is read again on SIGHUP, changed or not', async () => {
    const { crew } = await startHouse(workers);
    crew.child.kill('SIGHUP');
    await crew.line('config_reloaded');
    crew.child.kill('SIGHUP');
    await crew.line('config_reloaded', 2);
    expect(crew.child.exitCode).toBeNull();
    expect(await statusesAt(crew, '/mcp')).toEqual(new Set([401]));
  });
});

describe.each([1, 2])('a mount at many hosts under %i serving', (workers) => {
  it('has the labels that the file lists, in every process, and keeps the streams of the others', async () => {
    const { crew, upstream, write, mountLines } = await startHouse(workers);
    const port = Number((await crew.line('listening')).address?.split(':').at(-1));
    const tenants = (labels: string): readonly string[] => [
      ...mountLines('tenants', 'https://*.mcp.test/mcp'),
      `    labels: [${labels}]`,
    ];
    const at = (label: string, bearer: string | null = null, method = 'POST'): Promise<CallAnswer> => {
      const headers = { host: `${label}.mcp.test`, accept: 'application/json, text/event-stream' };
      const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
      const call = method === 'GET' ? { method, headers, bearer } : { method, headers, bearer, body };
      return callPort(port, call, () => '');
    };
    const statusesOf = async (label: string, bearer?: string): Promise<Set<number>> => {
      const found = new Set<number>();
      for (let asked = 0; asked < 12; asked += 1) {
        const answer = await at(label, bearer);
        await answer.text();
        found.add(answer.status);
      }
      return found;
    };
    write(...mountLines('first', '/mcp'), ...tenants('red'));
    await crew.line('config_reloaded');
    await eventually(async () => {
      expect([await statusesOf('red'), await statusesOf('blue')]).toEqual([new Set([401]), new Set([403])]);
    });
    const resource = 'https://red.mcp.test/mcp';
    const { accessToken } = await signIn({ ...crew, resource }, { logIn: (url) => crew.provider.logIn(url) });
    expect(await statusesOf('red', accessToken)).toEqual(new Set([200]));
    const stream = await at('red', accessToken, 'GET');
    expect(stream.status).toBe(200);

    write(...mountLines('first', '/mcp'), ...tenants('blue'));
    await crew.line('config_reloaded', 2);
    await eventually(async () => {
      expect([await statusesOf('red', accessToken), await statusesOf('blue', accessToken)]).toEqual([
        new Set([403]),
        new Set([401]),
      ]);
    });
    expect([stream.message.complete, upstream.openStreams]).toEqual([false, 1]);
    stream.message.destroy();
  });
});

describe('a worker that comes after a change of the configuration file', () => {
  it('has what the others have', async () => {
    const { crew, write, mountLines } = await startHouse(2);
    write(...mountLines('second', '/second/mcp'));
    await crew.line('config_reloaded');
    process.kill(crew.pidOf(1), 'SIGKILL');
    await crew.line('worker_ready', 3);
    expect(await statusesAt(crew, '/second/mcp')).toEqual(new Set([401]));
    expect(await statusesAt(crew, '/mcp')).toEqual(new Set([404]));
  });
});
