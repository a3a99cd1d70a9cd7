import { describe, expect, it } from 'vitest';

import { complaintsOf, load, warningsOf } from '../../../test/support/configuration.ts';

const development = { PROD_MODE: 'false' };

describe('RATE_LIMIT_ENABLED', () => {
  it('is on by default, and off by false with a warning', () => {
    expect(load().limits.enabled).toBe(true);
    expect(load({ RATE_LIMIT_ENABLED: 'false' }).limits.enabled).toBe(false);
    expect(warningsOf({ RATE_LIMIT_ENABLED: 'false' })).toContain('rate_limit_disabled');
  });
});

describe.each([
  ['MCP_PER_SUBJECT_CONCURRENCY', 'perSubjectConcurrency', 16],
  ['MCP_PER_SUBJECT_STREAMS', 'perSubjectStreams', 64],
] as const)('%s', (name, member, unset) => {
  it.each([
    [undefined, unset],
    ['0', 0],
    ['4', 4],
  ])('reads %s as %i', (text, cap) => {
    expect(load({ [name]: text }).limits[member]).toBe(cap);
  });

  it.each([
    ['-1', 'is out of range'],
    ['many', 'is not an integer'],
    ['99999999999999999999', 'is out of range'],
  ])('refuses %s', (text, problem) => {
    expect(complaintsOf({ [name]: text })).toEqual([`${name} ${problem}`]);
  });
});

describe('TRUSTED_PROXY_CIDRS', () => {
  it('is empty by default, and reads IPv4 and IPv6 networks', () => {
    expect(load().limits.trustedProxyCidrs).toEqual([]);
    expect(load({ TRUSTED_PROXY_CIDRS: '10.0.0.0/8, 2001:db8::/32,' }).limits.trustedProxyCidrs).toEqual([
      '10.0.0.0/8',
      '2001:db8::/32',
    ]);
  });

  it.each(['10.0.0.1', '10.0.0.0/33', '10/8', '::/129', 'proxy/8', '10.0.0.0/8/8', '010.0.0.0/8'])(
    'refuses %s',
    (text) => {
      expect(complaintsOf({ TRUSTED_PROXY_CIDRS: `127.0.0.0/8,${text}` })).toEqual([
        'TRUSTED_PROXY_CIDRS has an entry that is no network (number 2)',
      ]);
    },
  );

  it.each(['0.0.0.0/0', '::/0'])('warns about %s, which is everybody', (text) => {
    expect(warningsOf({ TRUSTED_PROXY_CIDRS: text })).toContain('trusted_proxy_cidrs_everyone');
  });
});

describe('TRUSTED_PROXY_HEADER', () => {
  it.each([
    [undefined, 'x-forwarded-for'],
    ['X-Real-IP', 'x-real-ip'],
    ['true-client-ip', 'true-client-ip'],
  ])('reads %s as %s', (text, header) => {
    expect(load({ TRUSTED_PROXY_HEADER: text }).limits.trustedProxyHeader).toBe(header);
  });

  it('refuses another header', () => {
    expect(complaintsOf({ TRUSTED_PROXY_HEADER: 'Forwarded' })).toEqual([
      'TRUSTED_PROXY_HEADER is not a header that is understood',
    ]);
  });
});

describe('TRUST_PROXY_HEADERS', () => {
  const on = { TRUST_PROXY_HEADERS: 'true' };

  it('is off by default', () => {
    expect(load().limits.trustEveryProxy).toBe(false);
  });

  it('is refused in production mode without TRUSTED_PROXY_CIDRS', () => {
    expect(complaintsOf(on)).toEqual([
      'TRUST_PROXY_HEADERS is true without TRUSTED_PROXY_CIDRS, which production mode refuses',
    ]);
  });

  it('has no effect beside TRUSTED_PROXY_CIDRS, and says so', () => {
    const changes = { ...on, TRUSTED_PROXY_CIDRS: '10.0.0.0/8' };
    expect(load(changes).limits.trustEveryProxy).toBe(false);
    expect(warningsOf(changes)).toContain('trust_proxy_headers_superseded_by_cidrs');
  });

  it('trusts everybody in a development set-up, with a warning', () => {
    expect(load({ ...development, ...on }).limits.trustEveryProxy).toBe(true);
    expect(warningsOf({ ...development, ...on })).toContain('trust_proxy_headers_deprecated');
  });
});

describe('LOG_LEVEL', () => {
  it.each([
    [undefined, 'info'],
    ['debug', 'debug'],
    ['WARN', 'warn'],
    ['warning', 'warn'],
    ['dpanic', 'fatal'],
    ['trace', 'trace'],
  ])('reads %s as %s', (text, level) => {
    expect(load({ LOG_LEVEL: text }).logging.level).toBe(level);
  });

  it.each(['verbose', 'constructor'])('counts %s as info, with a warning', (text) => {
    expect(load({ LOG_LEVEL: text }).logging.level).toBe('info');
    expect(warningsOf({ LOG_LEVEL: text })).toContain('log_level_unknown');
  });
});

describe('ACCESS_LOG_SKIP_RE', () => {
  it.each([undefined, '  ', '\t'])('skips nothing when it is %j', (text) => {
    expect(load({ ACCESS_LOG_SKIP_RE: text }).logging.accessLogSkip).toBeUndefined();
  });

  it('is compiled, without the blanks around it', () => {
    const pattern = load({ ACCESS_LOG_SKIP_RE: ' ^/(healthz|token)$ ' }).logging.accessLogSkip;
    expect(pattern?.test('/healthz')).toBe(true);
    expect(pattern?.test('/healthz2')).toBe(false);
  });

  it.each(['(', '[z-a]', '(?i)abc', String.raw`\Aabc\z`, '[[:alpha:]]+', '(?P<name>x)'])(
    'refuses %s',
    (text) => {
      expect(complaintsOf({ ACCESS_LOG_SKIP_RE: text })).toEqual([
        'ACCESS_LOG_SKIP_RE is not a JavaScript regular expression',
      ]);
    },
  );
});

describe('MCP_LOG_BODY_MAX', () => {
  it.each([
    [undefined, 65_536],
    ['0', 0],
    ['1024', 1024],
  ])('reads %s as %i', (text, bytes) => {
    expect(load({ MCP_LOG_BODY_MAX: text }).logging.rpcPeekMaxBytes).toBe(bytes);
  });

  it.each(['-1', '64k'])('refuses %s', (text) => {
    expect(complaintsOf({ MCP_LOG_BODY_MAX: text })).toHaveLength(1);
  });
});
