import { afterEach, describe, expect, it } from 'vitest';

import {
  codeForm,
  createTokenRoom,
  issuer,
  refreshForm,
  type TokenRoom,
} from '../../../test/support/token-room.ts';

let room: TokenRoom;

afterEach(() => room.close());

describe('token endpoint (OAuth 2.1 §3.2)', () => {
  it.each(['Basic Y2xpZW50LWE6', 'Basic Y2xpZW50LWE6c2VjcmV0', 'basic !', 'Bearer x', ''])(
    'answers an Authorization header %o with 401 and a Basic challenge, and keeps the code',
    async (authorization) => {
      room = createTokenRoom();
      const code = await room.issueCode();

      const refusal = await room.refuse(codeForm(code), { authorization });

      expect(refusal).toMatchObject({
        code: 'invalid_client',
        status: 401,
        reason: 'client_authentication_unsupported',
        headers: { 'www-authenticate': 'Basic realm="token"' },
      });
      expect(room.events).toEqual([]);
      expect((await room.post(codeForm(code))).status).toBe(200);
    },
  );

  it('refuses a request without grant_type', async () => {
    room = createTokenRoom();

    const refusal = await room.refuse({ client_id: 'client-a' });

    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'parameter_missing' });
  });

  it.each([
    'password',
    'client_credentials',
    'implicit',
    'Authorization_Code',
    'authorization_code ',
    'constructor',
    '__proto__',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:device_code',
  ])('refuses grant_type %o as unsupported', async (grantType) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { grant_type: grantType }));

    expect(refusal).toMatchObject({
      code: 'unsupported_grant_type',
      status: 400,
      reason: 'grant_type_unsupported',
    });
    expect(room.events).toEqual([]);
  });

  it.each([
    ['client-unknown', 'client_id_invalid'],
    ['client-expired', 'client_registration_expired'],
  ])('answers client_id %o with 401, after which clients register again', async (clientId, reason) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const onCode = await room.refuse(codeForm(code, { client_id: clientId }));
    const onRefresh = await room.refuse(refreshForm('mgh_rt_dead', { client_id: clientId }));

    for (const refusal of [onCode, onRefresh]) {
      expect(refusal).toMatchObject({ code: 'invalid_client', status: 401, reason });
    }
    expect((await room.post(codeForm(code))).status).toBe(200);
  });

  it.each([undefined, ''])('refuses client_id %o and keeps the code', async (clientId) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { client_id: clientId }));

    expect(refusal).toMatchObject({ code: 'invalid_request', status: 400, reason: 'client_id_missing' });
    expect((await room.post(codeForm(code))).status).toBe(200);
  });

  it.each(['grant_type', 'code', 'redirect_uri', 'client_id', 'code_verifier'])(
    'refuses a repeated %s and keeps the code',
    async (name) => {
      room = createTokenRoom();
      const code = await room.issueCode();
      const form = new URLSearchParams(codeForm(code));
      form.append(name, form.get(name) ?? '');

      const refusal = await room.refuse(form);

      expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'parameter_repeated' });
      expect((await room.post(codeForm(code))).status).toBe(200);
    },
  );

  it('refuses parameters in the query', async () => {
    room = createTokenRoom();
    const request = new Request(`${issuer}/token?client_id=client-a`, { method: 'POST', body: '' });
    const answer = room.endpoint(request, { requestId: 'r-1', clientAddress: '192.0.2.1' });
    const refusal = await answer.catch((error: unknown) => error);

    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'query_forbidden' });
  });

  it('refuses a JSON body', async () => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code), { 'content-type': 'application/json' });

    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'content_type_unsupported' });
  });

  it('says 503 with Retry-After while the store does not answer, and the code is good afterwards', async () => {
    let down = false;
    room = createTokenRoom({ storeIsDown: () => down });
    const code = await room.issueCode();

    down = true;
    const refusal = await room.refuse(codeForm(code));
    down = false;

    expect(refusal).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      reason: 'replay_store_unavailable',
      retryAfterSeconds: 2,
    });
    expect(room.events).toEqual([]);
    expect((await room.post(codeForm(code))).status).toBe(200);
  });
});
