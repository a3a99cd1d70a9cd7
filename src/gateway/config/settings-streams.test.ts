import { describe, expect, it } from 'vitest';

import { complaintsOf, load } from '../../../test/support/configuration.ts';

describe('the settings of streams', () => {
  it('leave silent streams alone, and ask silent connections', () => {
    const config = load();
    expect(config.streams).toEqual({ keepAliveSeconds: 0, idleSeconds: 0 });
    expect(config.tcpKeepAliveSeconds).toBe(30);
    expect(config.shutdownDelaySeconds).toBe(0);
  });

  it('are read as durations', () => {
    const config = load({
      SSE_KEEPALIVE_INTERVAL: '15s',
      STREAM_IDLE_TIMEOUT: '24h',
      TCP_KEEPALIVE_INTERVAL: '0',
      SHUTDOWN_DELAY: '10s',
    });
    expect(config.streams).toEqual({ keepAliveSeconds: 15, idleSeconds: 86_400 });
    expect(config.tcpKeepAliveSeconds).toBe(0);
    expect(config.shutdownDelaySeconds).toBe(10);
  });

  it.each([
    ['SSE_KEEPALIVE_INTERVAL', '61m'],
    ['STREAM_IDLE_TIMEOUT', '169h'],
    ['TCP_KEEPALIVE_INTERVAL', '2h'],
    ['SHUTDOWN_DELAY', '6m'],
  ])('end somewhere: %s', (name, text) => {
    expect(complaintsOf({ [name]: text })).toEqual([`${name} is out of range`]);
  });
});

describe('SHUTDOWN_DELAY', () => {
  it('leaves some of SHUTDOWN_TIMEOUT', () => {
    const complaint = 'SHUTDOWN_DELAY is not shorter than SHUTDOWN_TIMEOUT, of which it is a part';
    expect(complaintsOf({ SHUTDOWN_DELAY: '10s', SHUTDOWN_TIMEOUT: '10s' })).toEqual([complaint]);
    expect(complaintsOf({ SHUTDOWN_DELAY: '10s', SHUTDOWN_TIMEOUT: '11s' })).toEqual([]);
  });
});
