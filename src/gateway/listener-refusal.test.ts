import { describe, expect, it } from 'vitest';

import { listenerRefusals, refusalOfConnectionError } from './listener-refusal.ts';

function errorWith(code: string): Error {
  return Object.assign(new Error('of the connection'), { code });
}

describe('an error of a connection', () => {
  it.each([
    ['ERR_HTTP_REQUEST_TIMEOUT', listenerRefusals.timeout],
    ['HPE_HEADER_OVERFLOW', listenerRefusals.headersTooLarge],
    ['HPE_INVALID_METHOD', listenerRefusals.malformed],
    ['HPE_INVALID_EOF_STATE', undefined],
    ['ECONNRESET', undefined],
    ['EPIPE', undefined],
  ])('with code %s is answered with %o', (code, refusal) => {
    expect(refusalOfConnectionError(errorWith(code), 10)).toEqual(refusal);
  });

  it('is not answered where nothing was ever asked', () => {
    expect(refusalOfConnectionError(errorWith('ERR_HTTP_REQUEST_TIMEOUT'), 0)).toBeUndefined();
  });
});
