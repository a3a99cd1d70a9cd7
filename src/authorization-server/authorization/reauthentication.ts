import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';
import type { Reauthentication } from '../../services/identity/identity-provider.ts';

// Ten digits are three hundred years, and what can be sealed and forwarded as a whole number.
const maxAgeSyntax = /^\d{1,10}$/;

/**
 * Reads `prompt` and `max_age`, which are passed on to the identity provider: it is there that people log in.
 * `consent`, always granted here, and values we do not know change nothing.
 * @throws OAuthError `consent_required`, reason `prompt_none`; `invalid_request`, reason `parameter_malformed`
 * @see OpenID Connect Core §3.1.2.1
 */
export function parseReauthentication(parameters: RequestParameters): Reauthentication {
  const prompts = new Set((parameters.find('prompt') ?? '').split(' ').filter((value) => value !== ''));
  if (prompts.has('none')) throw refuseSilence(prompts);
  return { prompt: choosePrompt(prompts), maxAgeSeconds: parseMaxAge(parameters.find('max_age')) };
}

function refuseSilence(prompts: ReadonlySet<string>): OAuthError {
  // Core §3.1.2.1: "If this parameter contains none with any other value, an error is returned."
  if (prompts.size > 1) return malformed('prompt none goes with no other value');
  // No decision is ever remembered, so an answer without a page is always "ask first" (Core §3.1.2.6).
  return new OAuthError('consent_required', 'This authorization server always asks the person', {
    reason: 'prompt_none',
  });
}

/** A fresh login shows which account it is for: it includes the other. */
function choosePrompt(prompts: ReadonlySet<string>): Reauthentication['prompt'] {
  if (prompts.has('login')) return 'login';
  return prompts.has('select_account') ? 'select_account' : undefined;
}

function parseMaxAge(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  // A limit that is not understood is not dropped: the client would rely on it.
  if (!maxAgeSyntax.test(value)) throw malformed('max_age must be a whole number of seconds');
  return Number(value);
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'parameter_malformed' });
}
