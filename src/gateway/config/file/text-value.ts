import { z } from 'zod';

import { ValueProblem } from '../setting.ts';

/**
 * Text that a parser of settings reads; what the parser refuses is a problem of the key, with the parser's own advice.
 * @param parse throws ValueProblem
 */
export function textValue<Value>(parse: (text: string) => Value) {
  return z.string().transform((text, context): Value => {
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
