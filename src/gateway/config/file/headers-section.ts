import { z } from 'zod';

import { mayDrop, mayForward, maySet } from '../../../resource-server/proxy/header-policy.ts';
import { settings } from '../schema.ts';
import { ValueProblem } from '../setting.ts';
import { textValue } from './text-value.ts';

const forward = z.array(headerName(mayForward, 'is no header that can be let through')).meta({
  title: 'Forward',
  description:
    'Request headers of the client that pass beside those of every MCP call. Not credentials, identities, addresses and what is for one hop alone.',
  examples: [['x-tenant']],
});
const setName = headerName(maySet, 'is no header that can be set');

/** What the upstream gets beside the headers of every MCP call. */
export const requestHeadersSection = z
  .strictObject({
    forward: forward.optional(),
    set: z
      .record(
        setName,
        textValue((text) => settings.UPSTREAM_AUTHORIZATION_HEADER.parse(text)),
      )
      .optional()
      .meta({
        title: 'Set',
        description:
          "Request headers with a value of ours, in place of the client's. No secrets: see `set_from_files`.",
      }),
    set_from_files: z.record(setName, z.string().min(1)).optional().meta({
      title: 'Set from files',
      description: 'The same with the value in a file, for keys and other secrets: header name and path.',
    }),
  })
  .superRefine(({ forward: names = [], set = {}, set_from_files: files = {} }, context) => {
    const seen = new Set<string>();
    const all = [
      ...names.map((name, index) => [name, ['forward', index]] as const),
      ...Object.keys(set).map((name) => [name, ['set', name]] as const),
      ...Object.keys(files).map((name) => [name, ['set_from_files', name]] as const),
    ];
    for (const [spelled, path] of all) {
      const name = spelled.toLowerCase();
      if (seen.has(name)) {
        context.addIssue({
          code: 'custom',
          message: 'is said twice of one header',
          params: { fix: 'leave one: a header is either let through or set, in whatever letters' },
          path: [...path],
        });
      }
      seen.add(name);
    }
  })
  .meta({
    title: 'Request headers',
    description: 'What the upstream gets beside the headers of every MCP call, which always pass.',
  });

/** What ends here of the upstream's answer, beside what always does. */
export const responseHeadersSection = z
  .strictObject({
    remove: z
      .array(headerName(mayDrop, 'is no header that can be kept back'))
      .optional()
      .meta({ title: 'Remove', description: 'Response headers of the upstream that clients do not get.' }),
  })
  .meta({
    title: 'Response headers',
    description:
      'What clients do not get of the upstream. Cookies, CORS headers and names of servers never pass.',
  });

/** A header's name, as it is spelled: two spellings of one are found by who sees them both. */
function headerName(isAllowed: (name: string) => boolean, problem: string) {
  return textValue((text) => {
    if (isAllowed(text.toLowerCase())) return text;
    throw new ValueProblem(problem, 'see docs/configuration-file.md for those that can');
  });
}
