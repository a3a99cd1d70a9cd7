import { describe, expect, it } from 'vitest';

import { OAuthError } from '../../protocol/oauth-error.ts';
import { readJsonRequest } from './json-request.ts';

function post(
  body: string | Uint8Array<ArrayBuffer> | null,
  contentType: string | null = 'application/json',
): Request {
  const request = new Request('https://gatehouse.test/register', { method: 'POST', body });
  request.headers.delete('content-type');
  if (contentType !== null) request.headers.set('content-type', contentType);
  return request;
}

async function refusalOf(request: Request): Promise<OAuthError> {
  const refusal: unknown = await readJsonRequest(request).catch((error: unknown) => error);
  if (!(refusal instanceof OAuthError)) throw new Error('not refused');
  return refusal;
}

describe('readJsonRequest', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON ; charset="utf-8"',
  ])('reads a body of the type %s', async (type) => {
    expect({ ...(await readJsonRequest(post('{"a":1}', type))) }).toEqual({ a: 1 });
  });

  it.each([
    null,
    '',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/json garbage',
    'application/json\tgarbage',
    'application/jsonx',
    'application/json-seq',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; x=1',
    'application/json, application/json',
    'application/json, text/plain',
    'application/json;',
    'text/plain; application/json',
    'application/vnd.api+json',
  ])('refuses a body of the type %s', async (type) => {
    const refusal = await refusalOf(post('{"a":1}', type));
    expect([refusal.code, refusal.reason, refusal.status]).toEqual([
      'invalid_request',
      'content_type_unsupported',
      415,
    ]);
  });

  it('refuses a body beyond one mebibyte', async () => {
    const refusal = await refusalOf(post(`{"a":"${'x'.repeat(1024 * 1024)}"}`));
    expect([refusal.code, refusal.reason, refusal.status]).toEqual([
      'invalid_request',
      'body_too_large',
      413,
    ]);
  });

  it.each([
    ['no JSON', 'redirect_uris=x'],
    ['two documents', '{} {}'],
    ['a repeated name', '{"a":1,"a":2}'],
    ['bytes that are no UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
    ['no body', null],
  ])('refuses %s', async (_, body) => {
    const refusal = await refusalOf(post(body));
    expect([refusal.code, refusal.reason, refusal.status]).toEqual([
      'invalid_request',
      'body_malformed',
      400,
    ]);
  });
});
