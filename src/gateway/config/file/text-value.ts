import { z } from 'zod';

import { ValueProblem } from '../setting.ts';
import { durationKind } from './file-problems.ts';

/**
 * Text that a parser of settings reads; what the parser refuses is a problem of the key, with the parser's own advice.
 * @param parse throws ValueProblem
 */
export function textValue<Value>(parse: (text: string) => Value) {
  return parsed(z.string(), parse);
}

/** The same of a duration: without its unit it is a number, and no text. */
export function durationValue(parse: (text: string) => number) {
  const text = z.string({ error: ({ code }) => (code === 'invalid_type' ? durationKind : undefined) });
  return parsed(text, parse);
}

function parsed<Value>(written: z.ZodString, parse: (text: string) => Value) {
  return written.transform((text, context): Value => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      context.issues.push({
        code: 'custom',
        message: error.problem,
        params: { fix: error.fix },
        input: text,
      });
      return z.NEVER;
    }
  });
}
