import { afterEach, describe, expect, it } from 'vitest';

import {
  codeForm,
  createTokenRoom,
  exchange,
  refreshForm,
  type TokenRoom,
} from '../../../test/support/token-room.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import { authorizationCodePurpose } from '../../services/tokens/authorization-code.ts';
import { openRefreshToken } from '../../services/tokens/refresh-token.ts';

const oneText = 'The authorization code is not valid';
let room: TokenRoom;

afterEach(() => room.close());

describe('authorization code grant (OAuth 2.1 §4.1.3)', () => {
  it('issues a bearer access token and a refresh token that nobody may cache', async () => {
    room = createTokenRoom();
    const response = await room.post(codeForm(await room.issueCode()));

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('pragma')).toBe('no-cache');
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^mgh_at_/),
      token_type: 'Bearer',
      expires_in: 3595,
      refresh_token: expect.stringMatching(/^mgh_rt_/),
    });
  });

  it('binds both tokens to the terms that were consented to', async () => {
    room = createTokenRoom();
    const now = room.clock.nowSeconds();
    const issued = await exchange(room, codeForm(await room.issueCode({ scope: ['tools'] })));

    const access = openAccessToken(room.sealer, issued.access_token);
    const refresh = openRefreshToken(room.sealer, issued.refresh_token);
    expect(issued.scope).toBe('tools');
    expect(access).toMatchObject({
      issuedAt: now,
      expiresAt: now + 3600,
      terms: { subject: 'alice', client: fingerprintClientId('client-a'), groups: ['engineering'] },
    });
    expect(refresh?.terms).toEqual(access?.terms);
    expect(refresh?.expiresAt).toBe(now + 7 * 24 * 3600);
  });

  it('ends both tokens with the grant when that comes first', async () => {
    room = createTokenRoom();
    const absoluteEnd = room.clock.nowSeconds() + 90;
    const issued = await exchange(room, codeForm(await room.issueCode({ absoluteEnd })));

    expect(issued.expires_in).toBe(85);
    expect(openRefreshToken(room.sealer, issued.refresh_token)?.expiresAt).toBe(absoluteEnd);
  });

  it('tells of the issued tokens without naming one', async () => {
    room = createTokenRoom();
    const issued = await exchange(room, codeForm(await room.issueCode({ grantId: 'grant-1' })));

    const client = fingerprintClientId('client-a').slice(0, 16);
    expect(room.events).toEqual([
      {
        type: 'tokens_issued',
        grantType: 'authorization_code',
        subject: 'alice',
        client,
        grant: 'grant-1',
        resource: 'https://gatehouse.test/mcp',
      },
    ]);
    expect(JSON.stringify(room.events)).not.toContain(issued.refresh_token);
  });

  it.each(['code', 'redirect_uri'])('refuses a request without %s', async (name) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { [name]: undefined }));

    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'parameter_missing' });
    await expectStillGood(code);
  });

  it.each([
    ['is missing', { code_verifier: undefined }, 'invalid_request', 'pkce_missing'],
    ['is empty', { code_verifier: '' }, 'invalid_request', 'pkce_missing'],
    ['has 42 characters', { code_verifier: 'v'.repeat(42) }, 'invalid_request', 'pkce_malformed'],
    ['has 129 characters', { code_verifier: 'v'.repeat(129) }, 'invalid_request', 'pkce_malformed'],
    ['is another', { code_verifier: 'w'.repeat(43) }, 'invalid_grant', 'pkce_mismatch'],
  ])('refuses when the verifier %s and keeps the code', async (_, overrides, errorCode, reason) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, overrides));

    expect(refusal).toMatchObject({ code: errorCode, reason });
    await expectStillGood(code);
  });

  it.each([
    'https://client.example/callback/',
    'https://client.example/callback?',
    'https://CLIENT.example/callback',
    'https://client.example:443/callback',
  ])('refuses the redirect URI %s and keeps the code', async (other) => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { redirect_uri: other }));

    expect(refusal).toMatchObject({ code: 'invalid_grant', reason: 'code_invalid', description: oneText });
    await expectStillGood(code);
  });

  it('refuses the code of another client and keeps it', async () => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { client_id: 'client-b' }));

    expect(refusal).toMatchObject({ code: 'invalid_grant', reason: 'client_mismatch', description: oneText });
    await expectStillGood(code);
  });

  it('refuses another resource and keeps the code', async () => {
    room = createTokenRoom();
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { resource: 'https://other.example/mcp' }));

    expect(refusal).toMatchObject({ code: 'invalid_target', reason: 'resource_mismatch' });
    await expectStillGood(code);
  });

  it.each(['https://gatehouse.test/mcp', 'https://gatehouse.test/mcp/', 'https://gatehouse.test/'])(
    'takes the resource %s for the one of the grant',
    async (named) => {
      room = createTokenRoom();
      await exchange(room, codeForm(await room.issueCode(), { resource: named }));

      expect(room.events).toMatchObject([{ type: 'tokens_issued' }]);
    },
  );

  it('refuses a resource that is served but is not the one of the grant, and keeps the code', async () => {
    room = createTokenRoom({ furtherResource: 'https://gatehouse.test/other' });
    const code = await room.issueCode();

    const refusal = await room.refuse(codeForm(code, { resource: 'https://gatehouse.test/other' }));

    expect(refusal).toMatchObject({ code: 'invalid_target', reason: 'resource_mismatch' });
    await expectStillGood(code);
  });

  it('takes no resource for the one of the grant, whichever the default is', async () => {
    room = createTokenRoom({ furtherResource: 'https://gatehouse.test/other' });
    const code = await room.issueCode({ resource: 'https://gatehouse.test/other' });

    const { access_token: token } = await exchange(room, codeForm(code, { resource: undefined }));

    expect(openAccessToken(room.sealer, token)?.terms.resource).toBe('https://gatehouse.test/other');
  });

  it('refuses a code for a resource that is not served any more', async () => {
    room = createTokenRoom();
    const code = await room.issueCode({ resource: 'https://gatehouse.test/old' });

    expect(await room.refuse(codeForm(code))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_invalid',
    });
    expect(room.events).toEqual([]);
  });

  it('takes a code in its last second and refuses it after sixty', async () => {
    room = createTokenRoom();
    const early = await room.issueCode();
    const late = await room.issueCode();

    room.clock.advance(59);
    await exchange(room, codeForm(early));
    room.clock.advance(1);

    expect(await room.refuse(codeForm(late))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_invalid',
    });
  });

  it('refuses a code from before the cut-off', async () => {
    const cutOff = Date.UTC(2026, 10, 21, 12, 0, 0) / 1000;
    room = createTokenRoom({ revokeBefore: cutOff });
    const before = await room.issueCode({ grantedAt: cutOff - 1 });
    const after = await room.issueCode({ grantedAt: cutOff });

    expect(await room.refuse(codeForm(before))).toMatchObject({
      code: 'invalid_grant',
      reason: 'token_revoked_iat_cutoff',
      description: oneText,
    });
    await expectStillGood(after);
  });

  it('refuses a code whose record the store has lost', async () => {
    room = createTokenRoom();
    const code = await room.issueCode({ grantId: 'grant-1' });
    await room.store.delete('grant:grant-1');

    expect(await room.refuse(codeForm(code))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_invalid',
    });
    expect(room.events).toEqual([]);
  });

  it('ends the grant when a spent code comes back', async () => {
    room = createTokenRoom();
    const code = await room.issueCode({ grantId: 'grant-1' });
    const first = await exchange(room, codeForm(code));

    const replay = await room.refuse(codeForm(code));

    expect(replay).toMatchObject({ code: 'invalid_grant', reason: 'code_replay', description: oneText });
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
    expect(room.events.slice(1)).toMatchObject([
      { type: 'replay_detected', kind: 'code', grant: 'grant-1', subject: 'alice' },
      { type: 'grant_revoked', cause: 'code_replay', grant: 'grant-1', subject: 'alice' },
    ]);
    expect(await room.refuse(refreshForm(first.refresh_token))).toMatchObject({
      reason: 'refresh_family_revoked',
    });
  });

  it('refuses a spent code for good, and tells of the revocation once', async () => {
    room = createTokenRoom();
    const code = await room.issueCode();
    await exchange(room, codeForm(code));
    await room.refuse(codeForm(code));
    const told = room.events.length;

    expect(await room.refuse(codeForm(code))).toMatchObject({ code: 'invalid_grant', reason: 'code_replay' });
    expect(room.events).toHaveLength(told);
  });

  it('does not let a replay with a wrong verifier end the grant', async () => {
    room = createTokenRoom();
    const code = await room.issueCode();
    const first = await exchange(room, codeForm(code));

    await room.refuse(codeForm(code, { code_verifier: 'w'.repeat(43) }));

    await exchange(room, refreshForm(first.refresh_token));
  });

  it('says 503 when the replay cannot be recorded', async () => {
    let down = false;
    room = createTokenRoom({ storeIsDown: () => down });
    const code = await room.issueCode({ grantId: 'grant-1' });
    await exchange(room, codeForm(code));
    const append = room.store.append;
    Object.assign(room.store, {
      append: (...entry: Parameters<typeof append>) => {
        down = true;
        return append(...entry);
      },
    });

    const refusal = await room.refuse(codeForm(code));

    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', status: 503 });
    // The access tokens are refused here whether or not the store could be told, and so is the operator told.
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
    expect(room.events.slice(1)).toMatchObject([{ type: 'replay_detected', kind: 'code', grant: 'grant-1' }]);
  });

  it.each([
    ['not sealed', 'mgh_ac_AAAA'],
    ['of another prefix', 'mgh_rt_AAAA'],
    ['not ASCII', 'cödé'],
    ['enormous', `mgh_ac_${'A'.repeat(100_000)}`],
  ])('refuses a code that is %s', async (_, code) => {
    room = createTokenRoom();

    expect(await room.refuse(codeForm(code))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_invalid',
      description: oneText,
    });
  });

  it('refuses a sealed code of a shape it does not know', async () => {
    room = createTokenRoom();
    const code = room.sealer.seal(authorizationCodePurpose, JSON.stringify({ sub: 'alice', exp: 9e9 }));

    expect(await room.refuse(codeForm(code))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_invalid',
    });
  });

  it('refuses a refresh token in the place of a code', async () => {
    room = createTokenRoom();
    const issued = await exchange(room, codeForm(await room.issueCode()));

    expect(await room.refuse(codeForm(issued.refresh_token))).toMatchObject({ reason: 'code_invalid' });
    expect(await room.refuse(codeForm(issued.access_token))).toMatchObject({ reason: 'code_invalid' });
  });
});

async function expectStillGood(code: string): Promise<void> {
  expect(room.events).toEqual([]);
  await exchange(room, codeForm(code));
  expect(room.events).toMatchObject([{ type: 'tokens_issued' }]);
}
