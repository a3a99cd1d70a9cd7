import { describe, expect, it } from 'vitest';

import { integer, name, oneOf, shape, text, textList } from './shape.ts';

describe('shape', () => {
  const person = shape({ id: name, age: integer }, { note: text, tags: textList });

  it.each([
    [{ id: 'a', age: 1 }],
    [{ id: 'a', age: -1, note: '', tags: [] }],
    [{ id: 'a', age: 0, tags: ['x', ''], further: {} }],
  ])('accepts %j', (value) => {
    expect(person.matches(value)).toBe(true);
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [[]],
    [{}],
    [{ id: '', age: 1 }],
    [{ id: 'a' }],
    [{ id: 'a', age: '1' }],
    [{ id: 'a', age: 1.5 }],
    [{ id: 'a', age: 2 ** 60 }],
    [{ id: 'a', age: 1, note: null }],
    [{ id: 'a', age: 1, tags: 'x' }],
    [{ id: 'a', age: 1, tags: [1] }],
  ])('refuses %j', (value) => {
    expect(person.matches(value)).toBe(false);
  });

  it('extends by members that are then judged as well', () => {
    const employee = person.extend({ kind: oneOf('employee', 'guest') }, { room: integer });
    expect(employee.matches({ id: 'a', age: 1, kind: 'guest' })).toBe(true);
    expect(employee.matches({ id: 'a', age: 1, kind: 'other' })).toBe(false);
    expect(employee.matches({ id: 'a', age: 1, kind: 'guest', room: 'x' })).toBe(false);
    expect(employee.matches({ kind: 'guest' })).toBe(false);
  });
});
