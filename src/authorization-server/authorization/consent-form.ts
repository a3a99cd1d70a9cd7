import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';

/** What the consent page's form says. */
export interface ConsentForm {
  readonly consentToken: string;
  readonly action: 'approve' | 'deny';
  /** Where to log in. Undefined: not said. Whether it was on the page is the caller's to check. */
  readonly identityProvider: string | undefined;
  /** The permissions that are ticked. Whether they were on the page is the caller's to check. */
  readonly scope: readonly string[];
}

/** What stands before the name of the identity provider on a button that approves and chooses. */
export const approveAt = 'approve:';

const fields = ['consent_token', 'action', 'scope'];

/**
 * Reads the consent form. A field that the page does not have is refused: whoever added it believes it counts.
 * @throws OAuthError `invalid_request`, reasons `parameter_malformed`, `parameter_missing`
 */
export function parseConsentForm(parameters: RequestParameters): ConsentForm {
  if (!parameters.names.every((name) => fields.includes(name))) {
    throw refuse('The form has a field that does not belong there', 'parameter_malformed');
  }
  const consentToken = parameters.find('consent_token');
  if (consentToken === undefined) throw refuse('consent_token is required', 'parameter_missing');
  return { consentToken, ...parseAction(parameters.find('action')), scope: parameters.all('scope') };
}

/** One field, since it is one button: `approve:corp` approves, and goes on to log in at `corp`. */
function parseAction(text: string | undefined): Pick<ConsentForm, 'action' | 'identityProvider'> {
  if (text === 'approve' || text === 'deny') return { action: text, identityProvider: undefined };
  if (text?.startsWith(approveAt) !== true) {
    throw refuse('action must be approve or deny', 'parameter_malformed');
  }
  return { action: 'approve', identityProvider: text.slice(approveAt.length) };
}

function refuse(description: string, reason: 'parameter_missing' | 'parameter_malformed'): OAuthError {
  return new OAuthError('invalid_request', description, { reason });
}
