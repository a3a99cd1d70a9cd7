import { OAuthError } from './oauth-error.ts';

/** The parameters of one OAuth request, read once: each at most one value, but for the names that may repeat. */
export interface RequestParameters {
  /** The value, or undefined when absent or empty (RFC 6749 §3.1: an empty value is an omitted one). */
  find(name: string): string | undefined;
  /** All values of a parameter that may repeat; empty ones left out. */
  all(name: string): readonly string[];
  readonly names: readonly string[];
}

export interface ParameterRules {
  /** Names that may come more than once, e.g. `resource` (RFC 8707 §2). */
  readonly repeatable?: readonly string[];
}

/**
 * Reads form or query parameters. Any name given twice is refused: first-wins and last-wins parsers disagreeing is
 * how one request comes to mean two things.
 * @throws OAuthError `invalid_request`, reason `parameter_repeated`   @see OAuth 2.1 §3.1
 */
export function parseParameters(source: URLSearchParams, rules: ParameterRules = {}): RequestParameters {
  const values = new Map<string, string[]>();
  for (const [name, value] of source) {
    const present = values.get(name);
    if (present === undefined) {
      values.set(name, [value]);
      continue;
    }
    if (rules.repeatable?.includes(name) !== true) {
      throw new OAuthError('invalid_request', 'A request parameter is repeated', {
        reason: 'parameter_repeated',
      });
    }
    present.push(value);
  }
  return {
    find: (name) => values.get(name)?.[0] || undefined,
    all: (name) => (values.get(name) ?? []).filter((value) => value !== ''),
    names: [...values.keys()],
  };
}
