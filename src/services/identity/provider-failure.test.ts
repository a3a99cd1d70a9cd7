import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';

import { OutboundError } from '../../platform/outbound/outbound-error.ts';
import { ProviderFailure, summarizeFailure } from './provider-failure.ts';

describe('summarizeFailure', () => {
  it.each([
    [new OutboundError('too-large', 'x'), 'too_large'],
    [new Error('something went wrong', { cause: new OutboundError('timeout', 'x') }), 'timeout'],
    [
      Object.assign(new Error('x'), { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_client' }),
      'invalid_client',
    ],
    [Object.assign(new Error('x'), { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'made up' }), 'oauth_error'],
    [Object.assign(new Error('x'), { code: 'OAUTH_KEY_SELECTION_FAILED' }), 'key_unknown'],
    [new ProviderFailure('insecure_url'), 'insecure_url'],
    [new TypeError('x'), 'unexpected'],
    ['thrown text', 'unexpected'],
    [undefined, 'unexpected'],
  ])('calls %s %s', (error, kind) => {
    expect(summarizeFailure(error).code).toBe(kind);
    expect(summarizeFailure(error).name).toBe(`ProviderFailure.${kind}`);
  });

  it('keeps nothing of what it was made from', () => {
    const error = new Error('secret', {
      cause: { body: { access_token: 'secret' }, claims: { sub: 'secret' } },
    });
    expect(inspect(summarizeFailure(error), { depth: 9 })).not.toContain('secret');
    expect(summarizeFailure(error).cause).toBeUndefined();
  });

  it('ends with a chain of causes that bites its tail', () => {
    const error = new Error('x');
    error.cause = error;
    expect(summarizeFailure(error).code).toBe('unexpected');
  });
});
