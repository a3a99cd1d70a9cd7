import { readdirSync, readFileSync } from 'node:fs';

import * as z from 'zod';

const vectorFile = z.object({
  purpose: z.enum([
    'client',
    'consent',
    'session',
    'code',
    'access',
    'refresh',
    'stored-successor',
    'registration-access',
    'device-code',
    'device-state',
    'device-approval',
    'person-grant',
    'account-login',
    'account-session',
  ]),
  formatVersion: z.number().int(),
  secret: z.string(),
  context: z.string(),
  vectors: z
    .array(
      z.object({
        name: z.string(),
        nonce: z.string().regex(/^[0-9a-f]{24}$/),
        token: z.string(),
        content: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1),
});

export type VectorFile = z.infer<typeof vectorFile>;

/** Every file of sealed vectors in a folder. Finding none is an error: an empty test would pass for ever. */
export function loadVectors(folder: URL): readonly VectorFile[] {
  const names = readdirSync(folder).filter((name) => /^sealed-.*\.json$/.test(name));
  if (names.length === 0) throw new Error('no vectors found');
  return names.map((name) => vectorFile.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))));
}
