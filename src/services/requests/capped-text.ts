import { readBody } from '../../platform/http/read-body.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** Cap on every form and JSON body of an OAuth endpoint. */
const maxBodyBytes = 1024 * 1024;

/** @throws OAuthError `invalid_request`, reason `body_too_large` (413) or `body_malformed` */
export async function readCappedText(request: Request): Promise<string> {
  const body = await readBody(request, maxBodyBytes);
  switch (body.outcome) {
    case 'read':
      return body.text;
    case 'too-large':
      throw new OAuthError('invalid_request', 'The request body is too large', {
        reason: 'body_too_large',
        status: 413,
      });
    case 'malformed':
      throw new OAuthError('invalid_request', 'The request body is not plain UTF-8', {
        reason: 'body_malformed',
      });
  }
}
