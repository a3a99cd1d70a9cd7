import { describe, expect, it } from 'vitest';

import { createOriginCheck } from './origin-check.ts';

const published = createOriginCheck({
  publicUrl: 'https://gatehouse.test',
  allowedOrigins: ['https://app.example'],
});
const local = createOriginCheck({ publicUrl: 'http://localhost:8080', allowedOrigins: [] });

describe('the origin of a request to a published deployment', () => {
  it('may be absent', () => {
    expect(published.judgeOrigin([])).toEqual({ outcome: 'absent' });
  });

  it.each(['https://gatehouse.test', 'https://app.example'])('may be %s', (origin) => {
    expect(published.judgeOrigin([origin])).toEqual({ outcome: 'allowed', origin });
  });

  it.each([
    'null',
    '',
    'https://evil.example',
    'https://sub.gatehouse.test',
    'https://gatehouse.test.evil.example',
    'https://gatehouse.test:8443',
    'http://gatehouse.test',
    'HTTPS://gatehouse.test',
    'https://gatehouse.test/',
    'http://localhost:6274',
    'http://127.0.0.1',
    'https://app.example, https://evil.example',
  ])('may not be %j', (origin) => {
    expect(published.judgeOrigin([origin])).toEqual({ outcome: 'foreign' });
  });

  it('may not be two', () => {
    expect(published.judgeOrigin(['https://app.example', 'https://app.example'])).toEqual({
      outcome: 'foreign',
    });
  });

  it('has nothing to do with Host', () => {
    expect(published.isHostAcceptable(['anything'])).toBe(true);
    expect(published.isHostAcceptable([])).toBe(true);
  });
});

describe('a deployment on loopback', () => {
  it.each(['http://localhost:6274', 'http://127.0.0.1:1', 'https://[::1]:9', 'http://localhost'])(
    'trusts pages of %s',
    (origin) => {
      expect(local.judgeOrigin([origin])).toEqual({ outcome: 'allowed', origin });
    },
  );

  it.each(['http://evil.example', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'null'])(
    'does not trust pages of %s',
    (origin) => {
      expect(local.judgeOrigin([origin])).toEqual({ outcome: 'foreign' });
    },
  );

  it.each(['localhost', 'localhost:8080', 'LOCALHOST:1', '127.0.0.1:8080', '[::1]:8080', '[::1]'])(
    'answers to %s',
    (host) => {
      expect(local.isHostAcceptable([host])).toBe(true);
    },
  );

  it.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.nip.io', '0.0.0.0', ''])(
    'does not answer to %j',
    (host) => {
      expect(local.isHostAcceptable([host])).toBe(false);
    },
  );

  it('answers to one host at a time', () => {
    expect(local.isHostAcceptable([])).toBe(false);
    expect(local.isHostAcceptable(['localhost', 'localhost'])).toBe(false);
  });
});

describe('the Host of a request to a deployment with a list', () => {
  const listed = createOriginCheck({
    publicUrl: 'https://gatehouse.test',
    allowedOrigins: [],
    allowedHosts: ['gatehouse.internal', '10.0.0.7:8080', '[fd00::7]'],
  });

  it.each([
    'gatehouse.test',
    'Gatehouse.Test:443',
    'gatehouse.internal',
    'gatehouse.internal:8080',
    '10.0.0.7:8080',
    '[fd00::7]:8080',
  ])('may be %s', (host) => {
    expect(listed.isHostAcceptable([host])).toBe(true);
  });

  it.each([
    'evil.example',
    'localhost',
    '',
    'gatehouse.test.evil.example',
    'gatehouse.internal.',
    '10.0.0.7',
    '10.0.0.7:80',
    'gatehouse.internal:8080:8080',
  ])('may not be %j', (host) => {
    expect(listed.isHostAcceptable([host])).toBe(false);
  });

  it('may be neither absent nor two', () => {
    expect(listed.isHostAcceptable([])).toBe(false);
    expect(listed.isHostAcceptable(['gatehouse.test', 'gatehouse.test'])).toBe(false);
  });

  it('may be on loopback, too, where the deployment is', () => {
    const both = createOriginCheck({
      publicUrl: 'http://localhost:8080',
      allowedOrigins: [],
      allowedHosts: ['box.lan'],
    });
    expect(
      ['localhost:8080', '127.0.0.1', 'box.lan', 'box.lan:1'].map((host) => both.isHostAcceptable([host])),
    ).toEqual([true, true, true, true]);
    expect(both.isHostAcceptable(['evil.example'])).toBe(false);
  });
});
