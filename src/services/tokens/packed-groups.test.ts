import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { packedGroups, packGroups, unpackGroups } from './packed-groups.ts';

const guid = fc.uuid().map((id) => id.toLowerCase());

describe('packGroups', () => {
  it('keeps every group, whatever it is called', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(guid, fc.string(), fc.constant(''))), (groups) => {
        const unpacked = unpackGroups(JSON.parse(JSON.stringify(packGroups(groups))) as object);
        expect(unpacked.toSorted()).toEqual(groups.toSorted());
      }),
    );
  });

  it.each([
    ['in capitals', '0E3F1A6C-52B4-4A57-9D10-5F2C7B8E9A01'],
    ['in braces', '{0e3f1a6c-52b4-4a57-9d10-5f2c7b8e9a01}'],
    ['without dashes', '0e3f1a6c52b44a579d105f2c7b8e9a01'],
    ['with a line end behind it', '0e3f1a6c-52b4-4a57-9d10-5f2c7b8e9a01\n'],
    ['with a comma in it', '0e3f1a6c-52b4-4a57-9d10-5f2c7b8e9a0,'],
  ])('takes nothing for a GUID that would come back as another name: %s', (_, group) => {
    expect(packGroups([group])).toEqual({ grp: [group] });
  });

  it('leaves out what is not there', () => {
    expect(packGroups([])).toEqual({});
    expect(unpackGroups({})).toEqual([]);
  });

  it.each([
    '',
    'AAAA',
    'DjTxrFK0SledEF8se46aAQA',
    'A'.repeat(44),
    '!'.repeat(22),
    `${'A'.repeat(22)}==`,
    `${'A'.repeat(21)}B`,
    `${'A'.repeat(22)}\n`,
    `${'/'.repeat(21)}w`,
    7,
    ['a'],
    null,
  ])('reads no groups in %j', (value) => {
    expect(packedGroups.ggd(value)).toBe(false);
  });
});
