import { describe, expect, it } from 'vitest';
import { checkImports } from '../../tools/check-imports.ts';

const tree = {
  'protocol/pkce.ts': `import { createHash } from 'node:crypto';`,
  'platform/clock.ts': `export const a = 1;`,
  'services/tokens/tokens.ts': `import { a } from '../../platform/clock.ts';`,
  'services/clients/clients.ts': `import type { T } from '../tokens/tokens.ts';`,
  'authorization-server/token/token-endpoint.ts': `import { a } from '../../services/tokens/tokens.ts';`,
  'resource-server/proxy/forward.ts': `export const a = 1;`,
  'gateway/gateway.ts': `import { a } from '../resource-server/proxy/forward.ts';`,
  'cli/main.ts': `import { a } from '../gateway/gateway.ts';\nprocess.env;`,
  'index.ts': `export { a } from './gateway/gateway.ts';`,
};

function problems(changes: Record<string, string> = {}): string[] {
  return checkImports(new Map(Object.entries({ ...tree, ...changes }))).map(
    ({ file, problem }) => `${file} ${problem}`,
  );
}

describe('check-imports', () => {
  it('finds nothing in a tree that keeps the floors', () => {
    expect(problems()).toEqual([]);
  });

  it.each([
    ['platform importing protocol', 'platform/clock.ts', `import { a } from '../protocol/pkce.ts';`],
    [
      'protocol importing platform, even a type',
      'protocol/pkce.ts',
      `import type { A } from '../platform/clock.ts';`,
    ],
    ['protocol doing I/O', 'protocol/pkce.ts', `import { readFileSync } from 'node:fs';`],
    [
      'a service importing a room',
      'services/tokens/tokens.ts',
      `export * from '../../resource-server/proxy/forward.ts';`,
    ],
    [
      'a room importing the gateway',
      'resource-server/proxy/forward.ts',
      `import type { A } from '../../gateway/gateway.ts';`,
    ],
    [
      'the command line importing a room',
      'cli/main.ts',
      `import { a } from '../resource-server/proxy/forward.ts';`,
    ],
    ['a dynamic import', 'platform/clock.ts', `const x = await import('../gateway/gateway.ts');`],
  ])('reports %s', (_, file, text) => {
    expect(problems({ [file]: text })).toEqual([expect.stringMatching(`^${file} must not import `)]);
  });

  it('lets a service import types of its sibling but not values', () => {
    const file = 'services/clients/clients.ts';
    expect(problems({ [file]: `import { type T } from '../tokens/tokens.ts';` })).toEqual([]);
    expect(problems({ [file]: `import { type T, value } from '../tokens/tokens.ts';` })).toEqual([
      `${file} may import types of services/tokens/tokens.ts, not values`,
    ]);
  });

  it('lets a room import types of another room but not values', () => {
    const file = 'authorization-server/token/token-endpoint.ts';
    const room = '../../resource-server/proxy/forward.ts';
    expect(problems({ [file]: `import type { T } from '${room}';` })).toEqual([]);
    expect(problems({ [file]: `import { a } from '${room}';` })).toEqual([
      `${file} may import types of resource-server/proxy/forward.ts, not values`,
    ]);
  });

  it('reads an import that spans lines and ignores one in a comment', () => {
    const file = 'platform/clock.ts';
    expect(problems({ [file]: `import {\n  a,\n} from '../protocol/pkce.ts';` })).toHaveLength(1);
    expect(problems({ [file]: `// import { a } from '../protocol/pkce.ts';` })).toEqual([]);
    expect(problems({ [file]: `/** import { a } from '../protocol/pkce.ts'; */` })).toEqual([]);
  });

  it('reports the environment being read outside the command line', () => {
    expect(problems({ 'platform/clock.ts': 'const zone = process.env.TZ;' })).toHaveLength(1);
    expect(problems({ 'platform/clock.ts': '// not process.env' })).toEqual([]);
  });

  it('reports a second barrel, an unknown folder and imports that leave the sources', () => {
    expect(problems({ 'platform/index.ts': '' })).toHaveLength(1);
    expect(problems({ 'helpers/x.ts': '' })).toHaveLength(1);
    expect(problems({ 'platform/x.ts': `import '../../test/support/browser.ts';` })).toHaveLength(1);
    expect(problems({ 'platform/x.ts': `import './clock.test.ts';` })).toHaveLength(1);
    expect(problems({ 'platform/x.ts': `import './gone.ts';` })).toHaveLength(1);
  });

  it('reports a cycle of values and allows one of types', () => {
    const cycle = { 'platform/a.ts': `import './b.ts';`, 'platform/b.ts': `import './a.ts';` };
    expect(problems(cycle)).toEqual([
      'platform/a.ts is in a cycle: platform/a.ts → platform/b.ts → platform/a.ts',
    ]);
    expect(problems({ ...cycle, 'platform/b.ts': `import type { A } from './a.ts';` })).toEqual([]);
  });

  it('leaves test files alone', () => {
    expect(problems({ 'platform/clock.test.ts': `import '../gateway/gateway.ts';` })).toEqual([]);
  });
});
