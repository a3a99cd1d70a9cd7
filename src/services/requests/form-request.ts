import { OAuthError } from '../../protocol/oauth-error.ts';
import { type ParameterRules, parseParameters, type RequestParameters } from '../../protocol/parameters.ts';
import { readCappedText } from './capped-text.ts';

const formType = /^application\/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?)?$/i;

/** More than any request of ours has a use for. */
const maxFormParameters = 256;

/**
 * Reads a form POST of an OAuth endpoint. Parameters come in the body alone: one that is split between query and body
 * would be read differently by whoever stands in front of us.
 * @throws OAuthError `invalid_request`, reasons `query_forbidden`, `content_type_unsupported`, `body_too_large` (413),
 * `body_malformed`, `parameter_repeated`   @see OAuth 2.1 §3.2
 */
export async function readFormRequest(request: Request, rules?: ParameterRules): Promise<RequestParameters> {
  if (new URL(request.url).search !== '') {
    throw new OAuthError('invalid_request', 'Parameters belong into the form body, not the query', {
      reason: 'query_forbidden',
    });
  }
  if (!formType.test(request.headers.get('content-type') ?? '')) {
    throw new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded', {
      reason: 'content_type_unsupported',
    });
  }
  const text = await readCappedText(request);
  // Before the parser: a megabyte of names would keep it, and everybody's calls with it, busy for seconds.
  if (text.split('&', maxFormParameters + 1).length > maxFormParameters) {
    throw new OAuthError('invalid_request', 'The request body has too many parameters', {
      reason: 'body_malformed',
    });
  }
  return parseParameters(new URLSearchParams(text), rules);
}
