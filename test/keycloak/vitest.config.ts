import { defineConfig } from 'vitest/config';

/** `npm run test:keycloak`: apart from `npm test`, since it fetches a server of 160 MB. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    retry: process.env['CI'] === 'true' ? 1 : 0,
    include: ['*.keycloak.ts'],
    testTimeout: 60_000,
    hookTimeout: 900_000,
  },
});
