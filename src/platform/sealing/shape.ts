/**
 * The shape of a JSON object that we ourselves wrote: sealed values and store records. Both come back authenticated or
 * from our own store, so this tells "ours, of this release" from anything else and no more. (A schema library would
 * cost every start 40 ms and 13 MB for it.)
 */

/** Whether a member's value is what it has to be. */
export type Guard<T> = (value: unknown) => value is T;

type Guards = Readonly<Record<string, Guard<unknown>>>;
type Members<G extends Guards> = { readonly [Name in keyof G]: G[Name] extends Guard<infer T> ? T : never };
type ShapeOf<R extends Guards, O extends Guards> = Members<R> & Partial<Members<O>>;

export interface Shape<T> {
  readonly matches: Guard<T>;
  /** This shape and further members. */
  extend<R extends Guards, O extends Guards = Record<never, never>>(
    required: R,
    optional?: O,
  ): Shape<T & ShapeOf<R, O>>;
}

/** What a shape describes. */
export type Infer<S> = S extends Shape<infer T> ? T : never;

/** An object with these members, and maybe those; members it does not name are nobody's business. */
export function shape<R extends Guards, O extends Guards = Record<never, never>>(
  required: R,
  optional?: O,
): Shape<ShapeOf<R, O>> {
  const must = Object.entries(required);
  const may = Object.entries(optional ?? {});
  return {
    matches: (value): value is ShapeOf<R, O> => {
      if (typeof value !== 'object' || value === null) return false;
      const members = value as Readonly<Record<string, unknown>>;
      return (
        must.every(([name, accepts]) => accepts(members[name])) &&
        may.every(([name, accepts]) => members[name] === undefined || accepts(members[name]))
      );
    },
    extend: (more, maybe) => shape({ ...required, ...more }, { ...optional, ...maybe }) as never,
  };
}

/** A text that says something. */
export const name: Guard<string> = (value): value is string => typeof value === 'string' && value !== '';

/** Any text, the empty one included. */
export const text: Guard<string> = (value): value is string => typeof value === 'string';

export const integer: Guard<number> = (value): value is number => Number.isSafeInteger(value);

export const textList: Guard<readonly string[]> = (value): value is readonly string[] =>
  Array.isArray(value) && value.every(text);

/** One of these words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Guard<Word> {
  return (value): value is Word => words.includes(value as Word);
}
