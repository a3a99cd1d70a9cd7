import * as openid from 'openid-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../support/fake-clock.ts';
import { Browser } from '../support/browser.ts';
import { decide, defaultRedirectUri, registerClient } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

describe.each(['off', 'on'])(
  'A certified client library that binds its tokens to a key, nonces %s',
  (nonces) => {
    let upstream: RecordingUpstream;
    let gatehouse: TestGatehouse;
    let configuration: openid.Configuration;

    beforeEach(async () => {
      upstream = await startRecordingUpstream();
      upstream.answer = replyJson({ answered: true });
      gatehouse = await createTestGatehouse({
        env: { DPOP: 'required', DPOP_NONCE: nonces },
        upstream: `${upstream.origin}/mcp`,
        // The library writes the time of its own clock into proofs.
        clock: new FakeClock(Date.now()),
      });
      const { clientId } = await registerClient(gatehouse);
      configuration = await openid.discovery(
        new URL(gatehouse.publicUrl),
        clientId,
        undefined,
        openid.None(),
        {
          algorithm: 'oauth2',
          [openid.customFetch]: (url, options) => gatehouse.fetch(url, options as RequestInit),
        },
      );
    });
    afterEach(async () => {
      await gatehouse.close();
      await upstream.close();
    });

    /** Where the browser ends: at the client, with a code. */
    async function authorize(parameters: Record<string, string>): Promise<URL> {
      const browser = new Browser(gatehouse);
      const page = await browser.get(openid.buildAuthorizationUrl(configuration, parameters).href);
      const state = new URL(await decide(browser, page)).searchParams.get('state') ?? '';
      const query = new URLSearchParams({ code: 'idp-code', state });
      const answer = await browser.get(`/callback?${query.toString()}`);
      return new URL(answer.headers.get('location') ?? '');
    }

    it.each(['ES256', 'Ed25519', 'PS256', 'RS256'])(
      'signs in, calls and refreshes with %s',
      async (algorithm) => {
        const handle = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair(algorithm));
        const pkceCodeVerifier = openid.randomPKCECodeVerifier();
        const callback = await authorize({
          redirect_uri: defaultRedirectUri,
          code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
          code_challenge_method: 'S256',
          resource: gatehouse.resource,
          dpop_jkt: await handle.calculateThumbprint(),
        });
        const options = { DPoP: handle };
        const tokens = await openid.authorizationCodeGrant(
          configuration,
          callback,
          { pkceCodeVerifier },
          undefined,
          options,
        );
        expect(tokens.token_type).toBe('dpop');
        const refreshed = await openid.refreshTokenGrant(
          configuration,
          tokens.refresh_token ?? '',
          undefined,
          options,
        );
        expect(refreshed.token_type).toBe('dpop');
        for (const { access_token: token } of [tokens, refreshed]) {
          const answer = await openid.fetchProtectedResource(
            configuration,
            token,
            new URL(gatehouse.resource),
            'POST',
            '{}',
            new Headers({ 'content-type': 'application/json' }),
            options,
          );
          expect(await answer.json()).toEqual({ answered: true });
        }
        expect(upstream.requests).toHaveLength(2);
      },
    );
  },
);
