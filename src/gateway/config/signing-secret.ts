import { findSecretWeakness, minSecretBytes } from '../../platform/sealing/secret-strength.ts';
import { ValueProblem } from './setting.ts';

const fix = 'generate one with: openssl rand -base64 48';

/**
 * Refuses a secret too short to derive keys from, in every mode.
 * @throws ValueProblem
 */
export function parseSigningSecret(text: string): string {
  if (Buffer.byteLength(text) < minSecretBytes) {
    throw new ValueProblem(`is shorter than ${minSecretBytes} bytes`, fix);
  }
  return text;
}

/**
 * Reads the secrets that may still open, separated by blanks or lines.
 * @throws ValueProblem
 */
export function parsePreviousSecrets(text: string): readonly string[] {
  const secrets = text.split(/\s+/).filter((secret) => secret !== '');
  for (const [index, secret] of secrets.entries()) {
    if (Buffer.byteLength(secret) < minSecretBytes) {
      throw new ValueProblem(
        `has an entry shorter than ${minSecretBytes} bytes (number ${index + 1})`,
        'separate whole secrets with blanks, and leave out what was never a signing secret',
      );
    }
  }
  return secrets;
}

/** What production mode says to a weak secret. */
export function refuseWeakSecret(secret: string | undefined): ValueProblem | undefined {
  const weakness = secret === undefined ? undefined : findSecretWeakness(secret);
  return weakness === undefined ? undefined : new ValueProblem(`is weak: it ${weakness}`, fix);
}

/** What production mode says to a weak secret among those that may still open. */
export function refuseWeakPreviousSecret(secrets: readonly string[]): ValueProblem | undefined {
  const index = secrets.findIndex((secret) => findSecretWeakness(secret) !== undefined);
  if (index === -1) return undefined;
  return new ValueProblem(
    `has a weak entry (number ${index + 1}): it ${findSecretWeakness(secrets[index] ?? '')}`,
    'take it out: tokens sealed with it can be forged',
  );
}
