import { describe, expect, it } from 'vitest';

import {
  complaintsOf,
  load,
  problemsOf,
  soundEnvironment,
  warningsOf,
} from '../../../test/support/configuration.ts';
import { loadConfig } from './load-config.ts';

describe('PROD_MODE', () => {
  it('is on by default', () => {
    expect(load().productionMode).toBe(true);
  });

  it.each(['false', 'FALSE', 'False'])('turns off by %s, and says so', (text) => {
    expect(load({ PROD_MODE: text }).productionMode).toBe(false);
    expect(warningsOf({ PROD_MODE: text })).toEqual(['production_mode_off']);
  });

  it.each(['0', 'no', 'off', 'flase'])('stays on by %s, with a warning', (text) => {
    expect(load({ PROD_MODE: text }).productionMode).toBe(true);
    expect(warningsOf({ PROD_MODE: text })).toContain('boolean_not_recognised');
  });
});

describe('PROXY_BASE_URL', () => {
  it.each([
    ['https://gate.example', 'https://gate.example'],
    ['https://gate.example/', 'https://gate.example'],
    ['https://gate.example//', 'https://gate.example'],
    ['HTTPS://Gate.EXAMPLE:443', 'https://gate.example'],
    ['https://gate.example:8443', 'https://gate.example:8443'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://localhost.:8080', 'http://localhost.:8080'],
    ['http://127.0.0.1', 'http://127.0.0.1'],
    ['http://127.9.8.7:80', 'http://127.9.8.7'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('reads %s as %s', (text, origin) => {
    expect(load({ PROXY_BASE_URL: text }).publicUrl).toBe(origin);
  });

  it.each([
    ['gate.example', 'is not an http or https URL'],
    ['ftp://gate.example', 'is not an http or https URL'],
    ['https:gate.example', 'is not an http or https URL'],
    ['https:///gate.example', 'is not an http or https URL'],
    ['https://', 'is not an http or https URL'],
    [' https://gate.example', 'is not an http or https URL'],
    ['https://gate.exa\tmple', 'is not an http or https URL'],
    ['https://gate.example\\x', 'is not an http or https URL'],
    ['https://gate.example\u0001', 'is not an http or https URL'],
    ['https://gate.example:99999', 'is not an http or https URL'],
    ['https://user:pass@gate.example', 'carries user information'],
    ['https://@gate.example', 'carries user information'],
    ['https://gate.example?', 'has a query or a fragment'],
    ['https://gate.example?a=1', 'has a query or a fragment'],
    ['https://gate.example#', 'has a query or a fragment'],
    ['https://gate.example/path', 'has a path'],
    ['http://gate.example', 'is http on a host that is not loopback'],
    ['http://127.0.0.1.example', 'is http on a host that is not loopback'],
    ['http://localhost.example', 'is http on a host that is not loopback'],
  ])('refuses %s, since it %s', (text, problem) => {
    expect(complaintsOf({ PROXY_BASE_URL: text })).toEqual([`PROXY_BASE_URL ${problem}`]);
  });
});

describe('LISTEN_ADDR', () => {
  it('is every interface at 8080 for a public host', () => {
    expect(load().listen).toEqual({ host: undefined, port: 8080 });
  });

  it.each([
    ['http://localhost', '127.0.0.1', 8080],
    ['http://localhost:8123', '127.0.0.1', 8123],
    ['http://localhost:80', '127.0.0.1', 80],
    ['https://127.0.0.2:8443', '127.0.0.2', 8443],
    ['http://[::1]:8080', '::1', 8080],
  ])('is the loopback interface when the public URL is %s', (url, host, port) => {
    expect(load({ PROXY_BASE_URL: url }).listen).toEqual({ host, port });
  });

  it.each([
    [':80', undefined, 80],
    ['0.0.0.0:8081', '0.0.0.0', 8081],
    ['[::]:8081', '::', 8081],
    ['gate.internal:0', 'gate.internal', 0],
  ])('reads %s', (text, host, port) => {
    expect(load({ LISTEN_ADDR: text, PROXY_BASE_URL: 'http://localhost' }).listen).toEqual({ host, port });
  });

  it.each(['8080', 'localhost', '::1:8080', '[nonsense]:1', ':http', 'http://localhost:80'])(
    'refuses %s',
    (text) => {
      expect(complaintsOf({ LISTEN_ADDR: text })).toEqual(['LISTEN_ADDR is not a listen address']);
    },
  );

  it('refuses a port that does not exist', () => {
    expect(complaintsOf({ LISTEN_ADDR: ':65536' })).toEqual(['LISTEN_ADDR has a port above 65535']);
  });
});

describe('METRICS_ADDR', () => {
  it('is loopback by default', () => {
    expect(load().metricsListen).toEqual({ host: '127.0.0.1', port: 9090 });
  });

  it.each([':9090', '0.0.0.0:9090', '10.0.0.1:9090'])('warns about %s, which others can reach', (text) => {
    expect(warningsOf({ METRICS_ADDR: text })).toContain('metrics_listener_exposed');
  });

  it('does not warn about loopback', () => {
    expect(warningsOf({ METRICS_ADDR: '[::1]:9191' })).not.toContain('metrics_listener_exposed');
  });

  it('refuses the address of the public listener', () => {
    const complaint = ['METRICS_ADDR is the address of the public listener (LISTEN_ADDR)'];
    expect(complaintsOf({ METRICS_ADDR: '127.0.0.1:8080' })).toEqual(complaint);
    expect(complaintsOf({ METRICS_ADDR: '10.0.0.1:7000', LISTEN_ADDR: '10.0.0.1:7000' })).toEqual(complaint);
    const url = 'http://localhost:9090';
    expect(complaintsOf({ PROXY_BASE_URL: url })).toEqual(complaint);
  });

  it('allows any free port for both listeners', () => {
    expect(complaintsOf({ METRICS_ADDR: '127.0.0.1:0', LISTEN_ADDR: '127.0.0.1:0' })).toEqual([]);
  });
});

describe('UPSTREAM_MCP_URL', () => {
  it.each([
    ['http://127.0.0.1:3000/mcp', 'http://127.0.0.1:3000', '/mcp'],
    ['http://127.0.0.1:3000/mcp/', 'http://127.0.0.1:3000', '/mcp'],
    ['https://Server.example:443/v1/mcp-2_a~b.c', 'https://server.example', '/v1/mcp-2_a~b.c'],
    ['http://localhost/registered', 'http://localhost', '/registered'],
    ['http://localhost/tokens/x', 'http://localhost', '/tokens/x'],
  ])('reads %s as origin and mount', (text, origin, path) => {
    expect(load({ UPSTREAM_MCP_URL: text }).mounts[0].upstream).toMatchObject({ origin, path });
  });

  it.each(['http://server.example', 'http://server.example/'])('asks for a path when given %s', (text) => {
    expect(problemsOf({ UPSTREAM_MCP_URL: text })).toEqual([
      {
        variable: 'UPSTREAM_MCP_URL',
        problem: 'has no path',
        fix: 'append the path of the MCP endpoint, such as /mcp',
      },
    ]);
  });

  it.each([
    '/healthz',
    '/register',
    '/authorize',
    '/consent',
    '/callback',
    '/token',
    '/.well-known',
    '/consent/below',
    '/.well-known/mcp',
  ])('refuses the path %s, which this server answers itself', (path) => {
    const complaints = complaintsOf({ UPSTREAM_MCP_URL: `http://localhost${path}` });
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('which this server answers itself');
  });

  it.each(['/a//b', '/{x}', '/mcp*', '/m%63p', '/a;b', '/ä', '/a:b'])('refuses the path %s', (path) => {
    expect(complaintsOf({ UPSTREAM_MCP_URL: `http://localhost${path}` })).toEqual([
      'UPSTREAM_MCP_URL has a path that is not plain',
    ]);
  });

  it.each(['/mcp/..', '/../mcp', '/a/../mcp', '/./mcp', '/mcp/.'])(
    'refuses the dot segments of %s',
    (path) => {
      expect(complaintsOf({ UPSTREAM_MCP_URL: `http://localhost${path}` })).toEqual([
        'UPSTREAM_MCP_URL has a dot segment in its path',
      ]);
    },
  );

  it.each([
    ['ws://localhost/mcp', 'is not an http or https URL'],
    ['localhost/mcp', 'is not an http or https URL'],
    ['http://u:p@localhost/mcp', 'carries user information'],
    ['http://localhost/mcp?x=1', 'has a query or a fragment'],
    ['http://localhost/mcp#', 'has a query or a fragment'],
  ])('refuses %s', (text, problem) => {
    expect(complaintsOf({ UPSTREAM_MCP_URL: text })).toEqual([`UPSTREAM_MCP_URL ${problem}`]);
  });

  it('warns about http to another machine', () => {
    expect(warningsOf({ UPSTREAM_MCP_URL: 'http://server.example/mcp' })).toContain('upstream_cleartext');
    expect(warningsOf({ UPSTREAM_MCP_URL: 'https://server.example/mcp' })).not.toContain(
      'upstream_cleartext',
    );
    expect(warningsOf({ UPSTREAM_MCP_URL: 'http://[::1]:1/mcp' })).not.toContain('upstream_cleartext');
  });
});

describe('the other server settings', () => {
  it('have their defaults', () => {
    const config = load();
    expect(config.mounts[0].upstream).toMatchObject({ headerTimeoutSeconds: 300, maxBodyBytes: 16_777_216 });
    expect(config.shutdownTimeoutSeconds).toBe(120);
    expect(config.toolMetrics).toEqual({ enabled: false, maxCardinality: 256 });
    expect(config.mounts[0].allowedOrigins).toEqual([]);
    expect(config.mounts[0].title).toBeUndefined();
  });

  it('pass the authorization for the upstream on verbatim', () => {
    const value = 'Custom  a=b, c="ü"';
    expect(load({ UPSTREAM_AUTHORIZATION_HEADER: value }).mounts[0].upstream.authorization).toBe(value);
  });

  it.each(['Bearer a\nX-User-Sub: b', 'Bearer a\r', ' Bearer a', 'Bearer a ', 'Bearer \0', 'Bearer ž'])(
    'refuse %j as authorization for the upstream',
    (value) => {
      expect(complaintsOf({ UPSTREAM_AUTHORIZATION_HEADER: value })).toEqual([
        'UPSTREAM_AUTHORIZATION_HEADER is not a header value',
      ]);
    },
  );

  it.each([
    ['90s', 90],
    ['1h', 3600],
    ['1500ms', 2],
  ])('read an upstream header timeout of %s', (text, seconds) => {
    expect(load({ UPSTREAM_HEADER_TIMEOUT: text }).mounts[0].upstream.headerTimeoutSeconds).toBe(seconds);
  });

  it.each(['0', '999ms', '61m'])('refuse an upstream header timeout of %s', (text) => {
    expect(complaintsOf({ UPSTREAM_HEADER_TIMEOUT: text })).toEqual([
      'UPSTREAM_HEADER_TIMEOUT is out of range',
    ]);
  });

  it.each(['0', '-1', '1073741825'])('refuse a body cap of %s', (text) => {
    expect(complaintsOf({ MAX_BODY_BYTES: text })).toEqual(['MAX_BODY_BYTES is out of range']);
  });

  it.each([
    ['30s', 30],
    ['15m', 900],
    ['1ms', 1],
  ])('read a shutdown timeout of %s', (text, seconds) => {
    expect(load({ SHUTDOWN_TIMEOUT: text }).shutdownTimeoutSeconds).toBe(seconds);
  });

  it.each(['0', '0s', '-1s', '15m1s', '16m'])('refuse a shutdown timeout of %s', (text) => {
    expect(complaintsOf({ SHUTDOWN_TIMEOUT: text })).toEqual(['SHUTDOWN_TIMEOUT is out of range']);
  });

  it.each(['120', '2 m', '1d', 'abc', '1h-1m', '.s'])('refuse %s as a duration', (text) => {
    expect(complaintsOf({ SHUTDOWN_TIMEOUT: text })).toEqual(['SHUTDOWN_TIMEOUT is not a duration']);
  });

  it('turn tool metrics on by true only', () => {
    expect(load({ MCP_TOOL_METRICS: 'TRUE' }).toolMetrics.enabled).toBe(true);
    expect(load({ MCP_TOOL_METRICS: '1' }).toolMetrics.enabled).toBe(false);
  });

  it('take 0 as no cap on tool names, and refuse what is no count', () => {
    expect(load({ MCP_TOOL_METRICS_MAX_CARDINALITY: '0' }).toolMetrics.maxCardinality).toBe(0);
    expect(complaintsOf({ MCP_TOOL_METRICS_MAX_CARDINALITY: 'many' })).toHaveLength(1);
    expect(complaintsOf({ MCP_TOOL_METRICS_MAX_CARDINALITY: '-1' })).toHaveLength(1);
  });

  it('read a list of origins', () => {
    expect(
      load({ ALLOWED_ORIGINS: 'https://a.test, http://localhost:5173,' }).mounts[0].allowedOrigins,
    ).toEqual(['https://a.test', 'http://localhost:5173']);
  });

  it.each([
    '*',
    'null',
    'https://a.test/',
    'https://A.test',
    'https://a.test:443',
    'a.test',
    'https://*.test',
  ])('refuse %s as an origin', (text) => {
    expect(complaintsOf({ ALLOWED_ORIGINS: `https://ok.test,${text}` })).toEqual([
      'ALLOWED_ORIGINS has an entry that is no origin (number 2)',
    ]);
  });
});

describe('WORKERS', () => {
  it.each([
    [undefined, 1],
    ['1', 1],
    ['4', 4],
    ['64', 64],
  ])('reads %s as %i', (text, workers) => {
    expect(load({ WORKERS: text }).workers).toBe(workers);
  });

  it.each(['0', '65', '-1', '1.5', 'many'])('refuses %s', (text) => {
    expect(complaintsOf({ WORKERS: text })).toEqual([expect.stringMatching(/^WORKERS is (not an|out of)/)]);
  });

  it.each(['auto', 'AUTO'])('takes %s for one for each core', (text) => {
    const noFiles = (): string => '';
    expect(loadConfig({ ...soundEnvironment, WORKERS: text }, noFiles, { cores: 6 }).workers).toBe(6);
  });

  it.each(['2', 'auto'])('refuses %s together with a store that processes cannot share', (text) => {
    const changes = { WORKERS: text, STORE_PATH: ':memory:', PROD_MODE: 'false' };
    expect(complaintsOf(changes)).toEqual([
      'WORKERS is more than one process, and STORE_PATH is :memory:, which processes cannot share',
    ]);
    expect(complaintsOf({ ...changes, WORKERS: '1' })).toEqual([]);
  });
});

describe('ALLOWED_HOSTS', () => {
  it('names hosts in any spelling, with a port or without', () => {
    expect(load({ ALLOWED_HOSTS: 'Gatehouse.Internal, 10.0.0.7:8080,[fd00::7],' }).allowedHosts).toEqual([
      'gatehouse.internal',
      '10.0.0.7:8080',
      '[fd00::7]',
    ]);
    expect(load().allowedHosts).toEqual([]);
  });

  it.each(['https://a.test', 'a.test/', '*.a.test', 'a b', 'a@b', 'a:99999', '[x]', '-a'])(
    'takes no %j',
    (text) => {
      expect(complaintsOf({ ALLOWED_HOSTS: `ok.test,${text}` })).toEqual([
        'ALLOWED_HOSTS has an entry that is no host (number 2)',
      ]);
    },
  );
});
