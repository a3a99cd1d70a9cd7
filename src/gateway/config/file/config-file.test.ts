import { describe, expect, it } from 'vitest';

import { readConfigFile } from './config-file.ts';

const minimal = 'mounts:\n  - name: files\n    url: /files/mcp\n    upstream: http://127.0.0.1:3000/mcp\n';

/** `line:column key problem` of each. */
function complaintsAbout(text: string): string[] {
  return readConfigFile('gatehouse.yaml', text).problems.map(
    ({ place, variable, problem }) => `${place?.line}:${place?.column} ${variable} ${problem}`,
  );
}

describe('readConfigFile', () => {
  it('reads mounts and settings', () => {
    const { sections, settingTexts, problems } = readConfigFile(
      'gatehouse.yaml',
      `settings:\n  PROD_MODE: false\n${minimal}`,
    );
    expect(problems).toEqual([]);
    expect(settingTexts).toEqual({ PROD_MODE: 'false' });
    expect(sections?.mounts).toMatchObject([
      { name: 'files', url: { origin: undefined, path: '/files/mcp' }, upstream: { path: '/mcp' } },
    ]);
  });

  it('names every problem with its place, and no value', () => {
    const text = [
      'mounts:',
      '  - name: files and more',
      '    upstream: ftp://canary',
      '    upstream_authorization: Bearer canary',
      '    title: 7',
      '  - canary',
      'settings:',
      '  TOKEN_SIGNING_SECRET: canary',
      '  Bearer canary: x',
      'mountains: canary',
    ].join('\n');
    expect(complaintsAbout(text)).toEqual([
      '8:3 settings.TOKEN_SIGNING_SECRET is no key that is known here',
      '9:3 settings.… is no key that is known here',
      '2:11 mounts[0].name is no name',
      '2:5 mounts[0].url is missing',
      '3:15 mounts[0].upstream is not an http or https URL',
      '5:12 mounts[0].title is not text',
      '4:5 mounts[0].upstream_authorization is no key that is known here',
      '6:5 mounts[1] is not a map of keys',
      '10:1 mountains is no key that is known here',
    ]);
    expect(JSON.stringify(readConfigFile('gatehouse.yaml', text).problems)).not.toContain('canary');
  });
});
