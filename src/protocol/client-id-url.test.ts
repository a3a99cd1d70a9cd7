import { describe, expect, it } from 'vitest';

import { findClientIdUrlProblem, isClientIdUrl, parseClientIdUrl } from './client-id-url.ts';

const strict = { allowLoopback: false };

describe('findClientIdUrlProblem', () => {
  it.each([
    'https://client.example/',
    'https://client.example/oauth/client.json',
    'https://client.example:8443/client',
    'https://client.example:443/client',
    'https://xn--bcher-kva.example/client/',
    'https://client.example/a%20b/..c/.well-known/x',
    'https://client.example//client',
  ])('accepts %s', (url) => {
    expect(findClientIdUrlProblem(url, strict)).toBeUndefined();
    expect(parseClientIdUrl(url, strict)).toBe(url);
  });

  it.each([
    ['https://client.example', 'has no path'],
    ['https://', 'has no path'],
    ['https://client.example/#', 'has a fragment'],
    ['https://client.example/?', 'has a query'],
    ['https://a@client.example/', 'carries user information'],
    ['https://client.example/..', 'has a dot segment'],
    ['https://client.example/.%2E/x', 'has a dot segment'],
    ['https://client.example/a%2fb', 'has an encoded separator'],
    ['https://client.example/a%', 'is not in its normal form'],
    ['https://client.example/a b', 'is not in its normal form'],
    ['https://client.example/a\\b', 'is not in its normal form'],
    ['https://client.example/ä', 'is not in its normal form'],
    ['https://client.example:0/', 'is not in its normal form'],
    ['https://client.example:65536/', 'does not parse'],
    ['https://Client.example/', 'is not in its normal form'],
    ['https://client_.example/', 'is not in its normal form'],
    ['https://client/', 'has a host that is no domain name'],
    ['https://client..example/', 'has a host that is no domain name'],
    ['https://-client.example/', 'has a host that is no domain name'],
    ['https://1.2.3.4/', 'has a host that is no domain name'],
    ['https://0x7f.0x1/', 'has a host that is no domain name'],
    [`https://client.example/${'x'.repeat(1024)}`, 'is longer than 1024 characters'],
  ])('refuses %s: %s', (url, problem) => {
    expect(findClientIdUrlProblem(url, strict)).toBe(problem);
    expect(parseClientIdUrl(url, strict)).toBeUndefined();
  });

  it('takes the names of this machine when told to, and no other address', () => {
    const rules = { allowLoopback: true };
    for (const host of ['localhost', '127.0.0.1:8443', '[::1]:8443']) {
      expect(findClientIdUrlProblem(`https://${host}/c`, rules)).toBeUndefined();
      expect(findClientIdUrlProblem(`https://${host}/c`, strict)).toBeDefined();
    }
    expect(findClientIdUrlProblem('https://127.0.0.2/c', rules)).toBeDefined();
  });

  it('never leaves anything for a URL parser to change', () => {
    for (let code = 0x20; code < 0x100; code += 1) {
      const url = `https://client.example/a${String.fromCharCode(code)}b`;
      if (findClientIdUrlProblem(url, strict) === undefined) expect(new URL(url).href).toBe(url);
    }
  });
});

describe('isClientIdUrl', () => {
  it('tells URLs from what is issued here', () => {
    expect([isClientIdUrl('https://x/'), isClientIdUrl('mgh_cl_x'), isClientIdUrl('http://x/')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
