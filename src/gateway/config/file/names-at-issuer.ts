import { z } from 'zod';

const issuer = z.url().meta({ title: 'Issuer', description: 'The `iss` of that identity provider.' });

/** A group of another identity provider than the mount's own. */
export function groupAtIssuer<Name extends z.ZodType<string>>(name: Name) {
  return z.strictObject({
    issuer,
    group: name.meta({ title: 'Group', description: 'Its name there.' }),
  });
}

/** The same of a person. */
export function subjectAtIssuer<Name extends z.ZodType<string>>(name: Name) {
  return z.strictObject({
    issuer,
    subject: name.meta({ title: 'Subject', description: 'The `sub` of the person there.' }),
  });
}
