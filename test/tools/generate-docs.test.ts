import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { describe, expect, it } from 'vitest';

import { settings } from '../../src/gateway/config/schema.ts';
import { refusalReasons } from '../../src/protocol/refusal-reason.ts';
import { type GeneratedDocument, generateDocuments } from '../../tools/generate-docs.ts';

const documents: readonly GeneratedDocument[] = await generateDocuments();

function find(name: string): string {
  const document = documents.find(({ url }) => basename(url.pathname) === name);
  if (document === undefined) throw new Error(`${name} is not generated`);
  return document.text;
}

describe('generated documents', () => {
  it.each(documents.map((document) => [basename(document.url.pathname), document] as const))(
    'docs/%s is what the sources say (npm run docs)',
    (_name, { url, text }) => {
      expect(readFileSync(url, 'utf8')).toBe(text);
    },
  );

  it('name every variable once', () => {
    const page = find('configuration.md');
    for (const name of Object.keys(settings)) {
      expect(page.match(new RegExp(`^### \`${name}\`$`, 'gm')), name).toHaveLength(1);
    }
  });

  it('name every reason once, with its error code', () => {
    const page = find('errors.md');
    for (const [reason, entry] of Object.entries(refusalReasons)) {
      const rows = page.match(new RegExp(`^- \`${reason}\`: .*$`, 'gm'));
      expect(rows, reason).toHaveLength(1);
      if ('errorCode' in entry) expect(rows?.[0]).toContain(`\`${entry.errorCode}\``);
    }
  });

  it('say something about every reason', () => {
    for (const [reason, { meaning }] of Object.entries(refusalReasons)) {
      expect(meaning, reason).toMatch(/^[A-Z].*\.$/);
    }
  });
});
