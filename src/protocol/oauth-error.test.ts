import { describe, expect, it } from 'vitest';

import { AuthorizationError, OAuthError, type OAuthErrorCode, storeUnavailable } from './oauth-error.ts';
import { matchRedirectUri, parseRedirectUri } from './redirect-uri.ts';
import { findErrorCode, refusalReasons } from './refusal-reason.ts';

describe('OAuthError', () => {
  it.each<[OAuthErrorCode, number]>([
    ['invalid_request', 400],
    ['invalid_client', 401],
    ['invalid_grant', 400],
    ['invalid_token', 401],
    ['insufficient_scope', 403],
    ['access_denied', 403],
    ['server_error', 500],
    ['temporarily_unavailable', 503],
  ])('answers %s with %i unless told otherwise', (code, status) => {
    expect(new OAuthError(code, 'x', { reason: 'internal' }).status).toBe(status);
    expect(new OAuthError(code, 'x', { reason: 'internal', status: 418 }).status).toBe(418);
  });

  it('keeps the cause to itself', () => {
    const cause = new Error('connect redis://:s3cret@store');
    const error = new OAuthError('server_error', 'Something went wrong', { reason: 'internal', cause });
    expect(error.cause).toBe(cause);
    expect(`${error.message} ${error.description} ${JSON.stringify(error)}`).not.toContain('s3cret');
  });

  it('says of a store that does not answer what lets clients keep their credentials', () => {
    expect(storeUnavailable(undefined)).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'replay_store_unavailable',
      status: 503,
      retryAfterSeconds: 2,
    });
  });

  it('travels to a client only with a redirect URI that was verified', () => {
    const uri = 'https://client.example/callback';
    const verified = matchRedirectUri(uri, [parseRedirectUri(uri, { privateUseSchemes: [] })]);
    if (verified === undefined) throw new Error('not verified');
    const error = new AuthorizationError('access_denied', 'x', {
      reason: 'prompt_none',
      redirectUri: verified,
      state: 's',
      afterHumanStep: true,
    });
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ redirectUri: uri, state: 's', afterHumanStep: true });
  });
});

describe('refusal reasons', () => {
  // Dashboards of the predecessor read these values.
  it.each([
    'callback_state_replay',
    'idp_exchange_throttled',
    'id_token_verification_failed',
    'subject_missing',
    'group_invalid',
    'code_replay',
    'refresh_family_revoked',
    'refresh_reuse_detected',
    'token_issue_failed',
    'replay_store_unavailable',
  ] as const)('show %s under that error_code', (reason) => {
    expect(findErrorCode(reason)).toBe(reason);
  });

  it('show an unverified address under the predecessor’s name, and most reasons not at all', () => {
    expect(findErrorCode('email_unverified')).toBe('email_not_verified');
    expect(findErrorCode('client_id_invalid')).toBeUndefined();
  });

  it('are written as one word each, for metrics', () => {
    for (const reason of Object.keys(refusalReasons)) expect(reason).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
  });
});
