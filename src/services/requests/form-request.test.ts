import { describe, expect, it } from 'vitest';

import { OAuthError } from '../../protocol/oauth-error.ts';
import { readFormRequest } from './form-request.ts';

interface Sent {
  readonly body?: string | Uint8Array<ArrayBuffer> | null;
  readonly type?: string | null;
  readonly query?: string;
  readonly headers?: Record<string, string>;
}

function post(sent: Sent): Request {
  const request = new Request(`https://gatehouse.test/token${sent.query ?? ''}`, {
    method: 'POST',
    headers: sent.headers ?? {},
    body: sent.body === undefined ? 'a=1' : sent.body,
  });
  request.headers.delete('content-type');
  const type = sent.type === undefined ? 'application/x-www-form-urlencoded' : sent.type;
  if (type !== null) request.headers.set('content-type', type);
  return request;
}

async function refusalOf(sent: Sent): Promise<readonly [string, string, number]> {
  const refusal: unknown = await readFormRequest(post(sent), { repeatable: ['resource'] }).catch(
    (error: unknown) => error,
  );
  if (!(refusal instanceof OAuthError)) throw new Error('not refused');
  return [refusal.code, refusal.reason, refusal.status];
}

describe('readFormRequest (OAuth 2.1 §3.2)', () => {
  it.each([
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=utf-8',
    'application/x-www-form-urlencoded;charset=UTF-8',
    'Application/X-WWW-Form-Urlencoded ; charset="utf-8"',
  ])('reads a body of the type %s', async (type) => {
    const parameters = await readFormRequest(post({ body: 'a=%C3%A9+x&b=2', type }));
    expect([parameters.find('a'), parameters.find('b')]).toEqual(['é x', '2']);
  });

  it('reads an empty body as no parameters', async () => {
    expect((await readFormRequest(post({ body: null }))).names).toEqual([]);
  });

  it.each([
    null,
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded garbage',
    'application/x-www-form-urlencodedx',
    'application/x-www-form-urlencoded; charset=utf-7',
    'application/x-www-form-urlencoded, text/plain',
  ])('refuses a body of the type %j', async (type) => {
    expect(await refusalOf({ type })).toEqual(['invalid_request', 'content_type_unsupported', 400]);
  });

  it.each(['?a=1', '?code=x', '?x'])('refuses the query %s', async (query) => {
    expect(await refusalOf({ query })).toEqual(['invalid_request', 'query_forbidden', 400]);
  });

  it('refuses a repeated parameter, and allows one that may repeat', async () => {
    expect(await refusalOf({ body: 'a=1&a=2' })).toEqual(['invalid_request', 'parameter_repeated', 400]);
    const rules = { repeatable: ['resource'] };
    const parameters = await readFormRequest(post({ body: 'resource=1&resource=2' }), rules);
    expect(parameters.all('resource')).toEqual(['1', '2']);
  });

  it('refuses a body beyond one mebibyte, whatever its declared length', async () => {
    const body = `a=${'x'.repeat(1024 * 1024)}`;
    const expected = ['invalid_request', 'body_too_large', 413];
    expect(await refusalOf({ body })).toEqual(expected);
    expect(await refusalOf({ body, headers: { 'Content-Length': '3' } })).toEqual(expected);
    const fitting = await readFormRequest(post({ body: body.slice(0, 1024 * 1024) }));
    expect(fitting.find('a')).toHaveLength(1024 * 1024 - 2);
  });

  it('refuses more parameters than any request has, named or not, before it takes them apart', async () => {
    const expected = ['invalid_request', 'body_malformed', 400];
    const names = Array.from({ length: 257 }, (_, at) => `p${at}=1`);
    expect(await refusalOf({ body: names.join('&') })).toEqual(expected);
    expect(await refusalOf({ body: 'resource=1&'.repeat(256) })).toEqual(expected);
    expect(await refusalOf({ body: '&'.repeat(1024 * 1024) })).toEqual(expected);
    expect((await readFormRequest(post({ body: names.slice(1).join('&') }))).names).toHaveLength(256);
  });

  it('refuses bytes that are no UTF-8, and encoded bodies', async () => {
    const expected = ['invalid_request', 'body_malformed', 400];
    expect(await refusalOf({ body: Uint8Array.of(0x61, 0x3d, 0xff) })).toEqual(expected);
    expect(await refusalOf({ headers: { 'Content-Encoding': 'gzip' } })).toEqual(expected);
  });
});
