import { isIP } from 'node:net';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ConfigError, loadConfig } from '../../src/gateway/config/load-config.ts';
import { settings } from '../../src/gateway/config/schema.ts';
import { createClientAddress, isCidr } from '../../src/platform/http/client-address.ts';
import { soundEnvironment } from '../support/configuration.ts';

const names = Object.keys(settings);
const noFiles = (): string => {
  throw new Error('no file');
};

describe('loadConfig', () => {
  it('loads or throws ConfigError, whatever a variable says', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.ipV6(),
      fc.stringMatching(/^-?\d*[hms]$/),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), value, (name, text) => {
        try {
          loadConfig({ ...soundEnvironment, [name]: text }, noFiles);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          // Names and words of our own are short; anything longer that comes back is the value.
          if (text.trim().length > 12) expect((error as ConfigError).message).not.toContain(text);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('publishes only origins that parse back to themselves', () => {
    fc.assert(
      fc.property(fc.webUrl(), (text) => {
        try {
          const { publicUrl } = loadConfig({ ...soundEnvironment, PROXY_BASE_URL: text }, noFiles);
          expect(new URL(publicUrl).origin).toBe(publicUrl);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });
});

describe('createClientAddress', () => {
  const options = { trustedCidrs: ['10.0.0.0/8'], header: 'x-forwarded-for', trustEveryone: false } as const;

  it('comes to an address, whatever the header says', () => {
    const clientAddress = createClientAddress(options);
    const hop = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((address) => `${address}:80`),
    );
    fc.assert(
      fc.property(fc.array(hop), (hops) => {
        expect(isIP(clientAddress(['x-forwarded-for', hops.join(', ')], '10.0.0.1'))).not.toBe(0);
      }),
    );
  });

  it('never believes a peer that is not trusted', () => {
    const clientAddress = createClientAddress(options);
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(clientAddress(['x-forwarded-for', header], '192.0.2.1')).toBe('192.0.2.1');
      }),
    );
  });

  it('takes every network that the configuration takes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(140), (address, bits) => {
        const cidr = `${address}/${bits}`;
        const create = () => createClientAddress({ ...options, trustedCidrs: [cidr] });
        if (isCidr(cidr)) expect(create()([], '10.0.0.1')).toBe('10.0.0.1');
        else expect(create).toThrow(TypeError);
      }),
    );
  });
});
