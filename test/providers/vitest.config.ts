import { defineConfig } from 'vitest/config';

/** Apart from `npm test`: these fetch identity providers that other people made, and start them. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.provider.ts'],
    testTimeout: 60_000,
    hookTimeout: 900_000,
    maxWorkers: 1,
    retry: process.env['CI'] === 'true' ? 1 : 0,
  },
});
