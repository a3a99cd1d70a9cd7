import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findNodeVersionWarning } from '../../src/gateway/config/node-floor.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** Instructions in order, continuation lines joined, comments left out. */
const instructions = read('Dockerfile')
  .replace(/^\s*#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));

const finalStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const last = (name: string): string => finalStage.findLast((found) => found.name === name)?.rest ?? '';
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

describe('Dockerfile', () => {
  it('builds on exact releases of Node at or above the security floor', () => {
    const bases = instructions.filter(({ name }) => name === 'FROM').map(({ rest }) => rest);
    expect(bases).toHaveLength(3);
    for (const base of bases) {
      const version = /^node:(\d+\.\d+\.\d+)-bookworm-slim\b/.exec(base)?.[1] ?? '0.0.0';
      expect(findNodeVersionWarning(version)).toBeUndefined();
    }
  });

  it('runs as a numeric user that is not root', () => {
    expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('keeps the store on a volume that this user owns', () => {
    const [, path = ''] = /STORE_PATH=(\S+)/.exec(last('ENV')) ?? [];
    const [user = ''] = last('USER').split(':');
    expect(path.startsWith(`${last('VOLUME')}/`)).toBe(true);
    expect(finalStage.find(({ name }) => name === 'RUN')?.rest).toContain(`-o ${user} -g ${user}`);
  });

  it('starts as npm start does, hardening flags included', () => {
    const command = (JSON.parse(last('CMD')) as string[]).join(' ');
    expect(command).toBe(manifest.scripts['start']?.replace('src/cli/main.ts', 'dist/cli/main.js'));
  });

  it('asks for its health with arguments of its own, without a shell', () => {
    const [, words = '[]'] = / CMD (\[.*\])$/.exec(last('HEALTHCHECK')) ?? [];
    expect(JSON.parse(words)).toEqual(['node', '-e', expect.stringContaining('/healthz')]);
  });

  it('sets no secret and fetches nothing but from the lockfile', () => {
    for (const { name, rest } of instructions) {
      if (['ENV', 'ARG'].includes(name)) expect(rest).not.toMatch(/SECRET|TOKEN|PASSWORD|KEY/i);
      if (name === 'RUN') expect(rest).not.toMatch(/curl|wget|apt|npm (install|i)\b/);
      expect(name).not.toBe('ADD');
    }
  });

  it('copies only files that exist and that .dockerignore lets in', () => {
    const allowed = read('.dockerignore').split('\n');
    expect(allowed).toContain('*');
    const copies = instructions.filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'));
    for (const source of copies.flatMap(({ rest }) => rest.split(' ').slice(0, -1))) {
      expect(existsSync(join(root, source))).toBe(true);
      expect(allowed).toContain(`!${source}`);
    }
  });
});
