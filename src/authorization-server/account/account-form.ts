import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { name, shape } from '../../platform/sealing/shape.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';
import type { AccountSession } from './account-session.ts';

/** What a button of the page says. */
export type AccountAction =
  /** `at`: the name of the identity provider; undefined: there is one alone. */
  | { readonly kind: 'sign-in'; readonly at: string | undefined }
  | { readonly kind: 'end'; readonly grantId: string }
  | { readonly kind: 'end-all' }
  | { readonly kind: 'sign-out' };

/** What stands before the name of an identity provider, and before the id of a grant, on their buttons. */
export const signInAt = 'sign-in:';
export const endGrant = 'end:';

export interface AccountForm {
  readonly action: AccountAction;
  /** What binds the form to a session. Undefined: the page for who is not signed in has none. */
  readonly formToken: string | undefined;
}

const fields = ['action', 'form_token'];

/**
 * Reads the form of the account page. A field that the page does not have is refused.
 * @throws OAuthError `invalid_request`, reason `parameter_malformed`
 */
export function parseAccountForm(parameters: RequestParameters): AccountForm {
  if (!parameters.names.every((each) => fields.includes(each))) {
    throw malformed('The form has a field that does not belong there');
  }
  const action = parseAction(parameters.find('action') ?? '');
  return { action, formToken: parameters.find('form_token') };
}

function parseAction(text: string): AccountAction {
  if (text === 'sign-out' || text === 'end-all') return { kind: text };
  if (text === 'sign-in') return { kind: 'sign-in', at: undefined };
  if (text.startsWith(signInAt)) return { kind: 'sign-in', at: text.slice(signInAt.length) };
  if (text.startsWith(endGrant)) return { kind: 'end', grantId: text.slice(endGrant.length) };
  throw malformed('action is none that the page has');
}

const formPurpose: SealPurpose = { name: 'account-form', prefix: 'mgh_af_', maxLength: 256 };

const sealedForm = shape({ ses: name });

/** What the page's form carries: another site cannot know it, and another person's page has another one. */
export function sealFormToken(sealer: Sealer, { sessionId }: Pick<AccountSession, 'sessionId'>): string {
  return sealer.seal(formPurpose, JSON.stringify({ ses: sessionId }));
}

/**
 * Checks that a form came with a page of this very session.
 * @throws OAuthError `access_denied`, reason `account_form_invalid`
 */
export function checkFormToken(
  sealer: Sealer,
  token: string | undefined,
  { sessionId }: Pick<AccountSession, 'sessionId'>,
): void {
  const plaintext = token === undefined ? undefined : sealer.open(formPurpose, token);
  const packed: unknown = plaintext === undefined ? undefined : JSON.parse(plaintext);
  if (sealedForm.matches(packed) && packed.ses === sessionId) return;
  throw new OAuthError('access_denied', 'The form does not belong to this sign-in; nothing was ended', {
    reason: 'account_form_invalid',
  });
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'parameter_malformed' });
}
