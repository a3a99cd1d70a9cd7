import { OAuthError } from '../../protocol/oauth-error.ts';
import { readCappedText } from './capped-text.ts';
import { type JsonObject, parseStrictJson } from './strict-json.ts';

/** Whether a content type says JSON in UTF-8 and nothing else. */
export function isJsonType(contentType: string | undefined): boolean {
  return jsonType.test(contentType ?? '');
}

const jsonType = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;

/**
 * Reads the JSON object that a POST carries. The content type is compared whole: a prefix match is how
 * `application/json garbage` and form bodies get past what stands in front of us.
 * @throws OAuthError `invalid_request`, reasons `content_type_unsupported` (415), `body_too_large` (413),
 * `body_malformed`   @see RFC 7591 §3.1, RFC 8259
 */
export async function readJsonRequest(request: Request): Promise<JsonObject> {
  if (!isJsonType(request.headers.get('content-type') ?? undefined)) {
    throw new OAuthError('invalid_request', 'The body must be application/json', {
      reason: 'content_type_unsupported',
      status: 415,
    });
  }
  const reading = parseStrictJson(await readCappedText(request));
  if (reading.outcome === 'refused') {
    throw new OAuthError('invalid_request', `The request body ${reading.problem}`, {
      reason: 'body_malformed',
    });
  }
  return reading.value;
}
