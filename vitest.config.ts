import { configDefaults, defineConfig } from 'vitest/config';

/** They start processes, listen on ports and share the machine with whatever else runs on it. */
const ofProcesses = [
  'test/{browser,cli,e2e,faults,identity,system}/**/*.test.ts',
  'test/**/*-fronts.test.ts',
];

export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, '**/dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'rules',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/dist/**', ...ofProcesses],
        },
      },
      {
        extends: true,
        // In CI a second try, which is told at its end: see tools/ci.ts. Rules get none.
        test: { name: 'processes', include: ofProcesses, retry: process.env['CI'] === 'true' ? 1 : 0 },
      },
    ],
  },
});
