import { describe, expect, it } from 'vitest';

import type { Handler } from '../platform/http/handler.ts';
import { reservedPaths } from './config/url-values.ts';
import { createIssuerRoutes } from './routes.ts';

const handler: Handler = () => Promise.resolve(new Response());

describe('the table of routes', () => {
  it('has no path that a mount could have as well, and none is kept for nothing', () => {
    const routes = createIssuerRoutes(
      {
        authorizationServerMetadata: handler,
        register: handler,
        registration: handler,
        authorize: handler,
        consent: handler,
        callbacks: [
          { path: '/callback', handler },
          { path: '/callback/corp', handler },
        ],
        token: handler,
        device: { begin: handler, page: handler, answer: handler },
        account: handler,
        backchannelLogout: handler,
        revoke: handler,
        introspect: handler,
      },
      [],
      undefined,
    );
    const firstSegments = routes.map(({ path }) => `/${path.split('/')[1]}`);
    expect([...new Set(firstSegments)].toSorted()).toEqual(reservedPaths.toSorted());
  });
});
