import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { checkPolicy, type PolicyQuestion } from '../../src/cli/check-policy.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8');

/** The files of the page, each with the table that follows it. */
const examples = [...page.matchAll(/```yaml\n([^]*?)```([^]*?)(?=```yaml|$)/g)].map(
  ([, file = '', rest = '']) => ({
    file,
    rows: [...rest.matchAll(/^\| `(--[^`]*)` +\| (\w[\w ]*\w) +\| (.*?) +\|$/gm)].map(
      ([, question = '', answer, rule]) => ({
        question,
        answer,
        rule,
      }),
    ),
    mount: /--mount (\w+) …/.exec(rest)?.[1] ?? '',
  }),
);

function parse(question: string): PolicyQuestion {
  const pairs = [...question.matchAll(/--(\w+) (\S+)/g)].map(([, name, value]) => [name, value]);
  return Object.fromEntries(pairs) as PolicyQuestion;
}

describe('the page about policy', () => {
  it('has examples with questions', () => {
    expect(examples.map(({ rows }) => rows.length >= 3)).toEqual([true, true]);
  });

  it.each(examples.flatMap(({ file, rows, mount }) => rows.map((row) => ({ ...row, file, mount }))))(
    '$question is $answer, by $rule',
    ({ question, answer, rule, file, mount }) => {
      const { decision, text } = checkPolicy({ ...parse(question), mount, config: 'f.yaml' }, () => file);
      expect([text.split('\n')[0], decision.rule]).toEqual([answer, rule]);
    },
  );
});
