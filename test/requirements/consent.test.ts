import { afterEach, describe, expect, it } from 'vitest';

import { authorizeUrl, registerClient } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

describe('F. the consent page', () => {
  it('85: the page shows client, target, resource and what is asked here and of the login', async () => {
    gatehouse = await createTestGatehouse({ env: { OIDC_SCOPES: 'openid email' } });
    const client = await registerClient(gatehouse, {
      client_name: 'Weather <b>Desk</b>',
      redirect_uris: ['http://127.0.0.1:49152/call/back?x=1'],
    });
    const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client));
    const page = await answer.text();
    expect(answer.status).toBe(200);
    for (const shown of [
      '<bdi class="name">Weather &lt;b&gt;Desk&lt;/b&gt;</bdi>',
      'unverified',
      '<strong>http://127.0.0.1:49152</strong>/call/back?x=1',
      `<code>${gatehouse.resource}</code>`,
      '<code>openid email</code>',
      'login.test',
    ]) {
      expect(page).toContain(shown);
    }
  });
});
