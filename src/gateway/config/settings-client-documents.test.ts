import { describe, expect, it } from 'vitest';

import { clientDocumentSettings } from './settings-client-documents.ts';

const { CIMD, CIMD_ALLOWED_HOSTS } = clientDocumentSettings;

describe('CIMD', () => {
  it('is on, off, or a mistake', () => {
    expect([CIMD.unset, CIMD.parse('on'), CIMD.parse('off')]).toEqual([true, true, false]);
    expect(() => CIMD.parse('true')).toThrow('is neither on nor off');
  });
});

describe('CIMD_ALLOWED_HOSTS', () => {
  it('takes names and everything below a name', () => {
    expect(CIMD_ALLOWED_HOSTS.parse('Client.example, *.vendor.example')).toEqual([
      'client.example',
      '*.vendor.example',
    ]);
  });

  it.each([
    'https://client.example',
    'client.example:443',
    'client.example/',
    '*',
    '*example',
    'a*.example',
    '.x',
  ])('refuses %s, without repeating it', (text) => {
    expect(() => CIMD_ALLOWED_HOSTS.parse(`ok.example,${text}`)).toThrow(
      'has an entry that is no host name (number 2)',
    );
  });
});
