import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';

/** What a request says about who sends it. Nothing of it is proven. */
export type PresentedCredentials =
  | { readonly method: 'none'; readonly clientId: string | undefined }
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post';
      readonly clientId: string | undefined;
      /** The readings of it, one of which has to be right. */
      readonly secrets: readonly string[];
    }
  | {
      readonly method: 'private_key_jwt';
      readonly clientId: string | undefined;
      readonly assertion: string;
    }
  /** An `Authorization` header that is none of ours. */
  | { readonly method: 'unreadable' };

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Longer than any secret or client id that a header could carry with sense. */
const maxBasicLength = 4096;

/**
 * Reads the credentials of a request. One that has several kinds is refused: two readers could take it for two clients.
 * @throws OAuthError `invalid_request`, reason `client_authentication_ambiguous` or `parameter_malformed`
 * @see OAuth 2.1 §2.4, RFC 6749 §2.3, RFC 7521 §4.2
 */
export function readCredentials(
  authorization: string | null,
  parameters: Pick<RequestParameters, 'find'>,
): PresentedCredentials {
  const clientId = parameters.find('client_id');
  const secret = parameters.find('client_secret');
  const assertion = findAssertion(parameters);
  const present = [authorization ?? undefined, secret, assertion].filter((each) => each !== undefined);
  // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
  if (present.length > 1) throw refuseSeveral('The request authenticates the client in more than one way');
  if (authorization !== null) return readBasic(authorization, clientId);
  if (assertion !== undefined) return { method: 'private_key_jwt', clientId, assertion };
  if (secret !== undefined) return { method: 'client_secret_post', clientId, secrets: [secret] };
  return { method: 'none', clientId };
}

function findAssertion(parameters: Pick<RequestParameters, 'find'>): string | undefined {
  const type = parameters.find('client_assertion_type');
  const assertion = parameters.find('client_assertion');
  if (type === undefined && assertion === undefined) return undefined;
  if (type !== assertionType || assertion === undefined) {
    throw new OAuthError(
      'invalid_request',
      `client_assertion and the client_assertion_type ${assertionType} belong together`,
      { reason: 'parameter_malformed' },
    );
  }
  return assertion;
}

/** RFC 7617 with RFC 6749 §2.3.1: id and secret are form-encoded, joined by a colon, and that is base64 of UTF-8. */
function readBasic(authorization: string, inBody: string | undefined): PresentedCredentials {
  const text = decodeBasic(authorization);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon === -1) return { method: 'unreadable' };
  const clientId = decodeForm(text.slice(0, colon));
  const raw = text.slice(colon + 1);
  if (clientId === undefined || clientId === '') return { method: 'unreadable' };
  // Next to the header it says nothing new, or something else.
  if (inBody !== undefined && inBody !== clientId) {
    throw refuseSeveral('client_id is not the one of the Authorization header');
  }
  // Some clients, SDKs among them, do not encode: then the text itself is the secret.
  const secrets = new Set([decodeForm(raw) ?? raw, raw]);
  return { method: 'client_secret_basic', clientId, secrets: [...secrets] };
}

function decodeBasic(authorization: string): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined || encoded.length > maxBasicLength) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  // One spelling each: what decodes leniently is another header to whoever reads it strictly.
  if (bytes.toString('base64') !== encoded) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function refuseSeveral(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'client_authentication_ambiguous' });
}
