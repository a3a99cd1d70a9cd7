import { describe, expect, it } from 'vitest';

import { createKeyring, scheduleSecrets } from './keyring.ts';
import { createTagger, type Tagger, tagLength } from './tagger.ts';

const secret = 'the first secret of thirty-two bytes or more';
const other = 'the other secret of thirty-two bytes or more';

function taggerOf(secrets: readonly [string, ...string[]], purpose = 'test', context = 'a'): Tagger {
  const keyring = createKeyring(scheduleSecrets(secrets), { clock: { nowSeconds: () => 0 } });
  return createTagger({ keyring, purpose, context });
}

describe('createTagger', () => {
  it('knows its own tags again, and each text has one', () => {
    const tagger = taggerOf([secret]);
    const tag = tagger.tag('text');

    expect(tag).toMatch(/^[\w-]{27}$/);
    expect(tag).toHaveLength(tagLength);
    expect(tagger.tag('text')).toBe(tag);
    expect(tagger.verify('text', tag)).toBe(true);
    expect(taggerOf([secret]).verify('text', tag)).toBe(true);
  });

  // What is out there has to be known by the next release.
  it('makes the tags that it always made', () => {
    expect(taggerOf([secret]).tag('text')).toBe('PGLMll0BDg7QzeUGXlNG5LXvWtw');
  });

  it('knows no tag of another text, purpose, deployment or secret', () => {
    const tag = taggerOf([secret]).tag('text');

    expect(taggerOf([secret]).verify('texts', tag)).toBe(false);
    expect(taggerOf([secret], 'other').verify('text', tag)).toBe(false);
    expect(taggerOf([secret], 'test', 'b').verify('text', tag)).toBe(false);
    expect(taggerOf([other]).verify('text', tag)).toBe(false);
  });

  it('knows the tags of a key that only opens, and none of one that is gone', () => {
    const tag = taggerOf([secret]).tag('text');

    expect(taggerOf([other, secret]).verify('text', tag)).toBe(true);
    expect(taggerOf([other, secret]).tag('text')).not.toBe(tag);
    expect(taggerOf([other]).verify('text', tag)).toBe(false);
  });

  it('knows one spelling of a tag, and no part of it', () => {
    const tagger = taggerOf([secret]);
    const tag = tagger.tag('text');
    for (let index = 0; index < tag.length; index += 1) {
      const changed = tag[index] === 'A' ? 'B' : 'A';
      expect(tagger.verify('text', tag.slice(0, index) + changed + tag.slice(index + 1))).toBe(false);
    }
    for (const wrong of [
      '',
      tag.slice(1),
      tag.slice(0, -1),
      `${tag}A`,
      `${tag.slice(0, -1)}=`,
      ' '.repeat(27),
    ]) {
      expect(tagger.verify('text', wrong)).toBe(false);
    }
  });
});
