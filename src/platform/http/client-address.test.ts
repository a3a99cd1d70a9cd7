import { describe, expect, it } from 'vitest';

import { type ClientAddressOptions, createClientAddress, isCidr, isEveryAddress } from './client-address.ts';

const proxy = '10.0.0.1';

function find(
  header: string | readonly string[] | undefined,
  peer: string = proxy,
  options: Partial<ClientAddressOptions> = {},
): string {
  const clientAddress = createClientAddress({
    trustedCidrs: ['10.0.0.0/8', '2001:db8:aaaa::/48'],
    header: 'x-forwarded-for',
    trustEveryone: false,
    ...options,
  });
  const lines = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return clientAddress(
    lines.flatMap((line) => ['X-Forwarded-For', line]),
    peer,
  );
}

describe('createClientAddress', () => {
  it('counts for the peer when nobody is trusted', () => {
    expect(find('1.2.3.4', '192.0.2.9', { trustedCidrs: [] })).toBe('192.0.2.9');
  });

  it('counts for a peer that is not trusted, whatever its header says', () => {
    expect(find('1.2.3.4', '192.0.2.9')).toBe('192.0.2.9');
  });

  it('counts for the trusted peer itself when there is no header', () => {
    expect(find(undefined)).toBe(proxy);
    expect(find('')).toBe(proxy);
  });

  it('takes the right-most address that is not trusted', () => {
    expect(find('6.6.6.6, 1.2.3.4, 10.9.9.9, 10.0.0.2')).toBe('1.2.3.4');
  });

  it('reads every line of the header, the last one first', () => {
    expect(find(['6.6.6.6', '1.2.3.4'])).toBe('1.2.3.4');
    expect(find(['6.6.6.6, 7.7.7.7', '1.2.3.4, 10.0.0.2', '10.0.0.3'])).toBe('1.2.3.4');
  });

  it('counts for the peer when every address is trusted', () => {
    expect(find('10.1.1.1, 10.2.2.2')).toBe(proxy);
  });

  it.each([
    'unknown',
    '_hidden',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4.5',
    '[1.2.3.4]',
    '::1::2',
    '1.2.3.4:x',
    '1.2.3.4%eth0',
    'fe80::1%',
    'fe80::1%eth0, x',
    '"1.2.3.4"',
    ',',
  ])('counts for the peer when the nearest address is %j', (garbage) => {
    expect(find(`1.2.3.4, ${garbage}`)).toBe(proxy);
  });

  it('does not mind garbage left of the address it takes', () => {
    expect(find('<script>, 1.2.3.4')).toBe('1.2.3.4');
  });

  it.each([
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['[::ffff:102:304]:80', '1.2.3.4'],
  ])('reads %s as %s', (hop, address) => {
    expect(find(hop)).toBe(address);
  });

  it('knows a trusted proxy that comes as IPv4-mapped IPv6', () => {
    expect(find('1.2.3.4', '::ffff:10.0.0.1')).toBe('1.2.3.4');
    expect(find(undefined, '::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(find('1.2.3.4', '10.0.0.1', { trustedCidrs: ['::ffff:10.0.0.0/104'] })).toBe('1.2.3.4');
  });

  it('knows a trusted proxy that comes through an interface of its own', () => {
    const options = { trustedCidrs: ['fe80::/10'] };
    expect(find('1.2.3.4', 'fe80::7%eth0', options)).toBe('1.2.3.4');
    expect(find('1.2.3.4, fe80::8%eth1', 'fe80::7%eth0', options)).toBe('1.2.3.4');
  });

  it('reads every line of the other headers too, and believes none left of the nearest', () => {
    for (const header of ['x-real-ip', 'true-client-ip'] as const) {
      const clientAddress = createClientAddress({
        trustedCidrs: ['10.0.0.0/8'],
        header,
        trustEveryone: false,
      });
      expect(clientAddress([header, '6.6.6.6', header, '1.2.3.4'], proxy)).toBe('1.2.3.4');
    }
  });

  it('knows trusted IPv6 proxies', () => {
    expect(find('2001:db8:bbbb::1, 2001:db8:aaaa::2', '2001:db8:aaaa::1')).toBe('2001:db8:bbbb::1');
  });

  it('reads only the header it was told to', () => {
    const clientAddress = createClientAddress({
      trustedCidrs: ['10.0.0.0/8'],
      header: 'x-real-ip',
      trustEveryone: false,
    });
    expect(clientAddress(['x-forwarded-for', '6.6.6.6', 'x-real-ip', '1.2.3.4'], proxy)).toBe('1.2.3.4');
  });

  it('believes the nearest address when it trusts everyone', () => {
    const options = { trustedCidrs: [], trustEveryone: true };
    expect(find('6.6.6.6, 1.2.3.4', '192.0.2.9', options)).toBe('1.2.3.4');
    expect(find(undefined, '192.0.2.9', options)).toBe('192.0.2.9');
  });

  it('keeps a peer that is no address', () => {
    expect(find('1.2.3.4', '')).toBe('');
  });

  it('refuses to start with a network that is none', () => {
    expect(() => find('1.2.3.4', proxy, { trustedCidrs: ['10.0.0.1'] })).toThrow(TypeError);
  });
});

describe('isCidr', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7/32', '10.0.0.1/8', '::/0', '2001:db8::/128'])(
    'accepts %s',
    (text) => {
      expect(isCidr(text)).toBe(true);
    },
  );

  it.each(['10.0.0.0', '10.0.0.0/33', '10/8', '::/129', '/8', '10.0.0.0/', 'localhost/8', ' 10.0.0.0/8'])(
    'refuses %s',
    (text) => {
      expect(isCidr(text)).toBe(false);
    },
  );
});

describe('isEveryAddress', () => {
  it('sees networks without a bit that counts', () => {
    expect(['0.0.0.0/0', '::/0', '::ffff:0:0/96', '10.0.0.0/8', 'x'].map(isEveryAddress)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
