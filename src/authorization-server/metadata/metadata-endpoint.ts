/**
 * Authorization server metadata: tells clients where the endpoints are and what they can do.
 *
 * Owns the document and nothing else; where it is served (root and path-inserted forms, HEAD) is the route table's.
 * The document depends on the configuration alone: no request header has a say in it, since a metadata document that
 * repeats a `Host` header sends the client to whoever set it.
 *
 * Every member is there because it is true and because a client reads it. What does not apply is left out: strict
 * parsers in the field refuse `null`, and an empty array reads as "nothing is allowed".
 *
 * @see RFC 8414 §2 and §3, RFC 9207 §3, MCP 2026-07-28 Authorization Server Metadata Discovery
 */
import type { Handler } from '../../platform/http/handler.ts';
import {
  assertionAlgorithms,
  type AuthenticationMethod,
  browserGrantTypes,
  type GrantTypeName,
} from '../../services/clients/client.ts';

export interface AuthorizationServerMetadataDeps {
  /** The public base URL: no trailing slash, byte-identical to every `iss` we send. */
  readonly issuer: string;
  /** What clients may ask for, of all resources together. Default: none. */
  readonly scopes?: () => readonly string[];
  /** Whether clients may register themselves here. Default: true. */
  readonly registrationEnabled?: boolean;
  /** Whether resource servers may ask about tokens. Default: false. */
  readonly introspectionEnabled?: boolean;
  /** Whether a client may be known by the URL of its metadata document. Default: false. */
  readonly clientDocumentsEnabled?: boolean;
  /** What the token endpoint takes now. Default: what every deployment has. */
  readonly grantTypes?: () => readonly GrantTypeName[];
  /** Whether devices without a browser may sign people in. Default: false. */
  readonly deviceAuthorizationEnabled?: boolean;
  /** What proofs of keys are signed with here. Default: none, and nobody is asked for one. */
  readonly proofAlgorithms?: () => readonly string[];
  /** What kinds of assertion the jwt-bearer grant takes. Default: none. */
  readonly grantProfiles?: () => readonly string[];
  /** How the clients that there are authenticate themselves, `none` first. Default: that alone. */
  readonly authenticationMethods?: () => readonly AuthenticationMethod[];
}

const maxAgeSeconds = 300;

/** Answers with the authorization server metadata document. */
export function createAuthorizationServerMetadataEndpoint(deps: AuthorizationServerMetadataDeps): Handler {
  const headers = {
    'content-type': 'application/json',
    'cache-control': `public, max-age=${maxAgeSeconds}`,
  };
  return () => Promise.resolve(new Response(JSON.stringify(describeAuthorizationServer(deps)), { headers }));
}

function describeAuthorizationServer(deps: AuthorizationServerMetadataDeps): Record<string, unknown> {
  const {
    issuer,
    registrationEnabled = true,
    introspectionEnabled = false,
    clientDocumentsEnabled = false,
    deviceAuthorizationEnabled = false,
    authenticationMethods = () => ['none'],
  } = deps;
  const scopes = [...new Set(deps.scopes?.())];
  const grantProfiles = deps.grantProfiles?.() ?? [];
  const proofs = deps.proofAlgorithms?.() ?? [];
  const methods = authenticationMethods();
  // RFC 8414 §2: required next to a method that signs.
  const algorithms = methods.includes('private_key_jwt') ? assertionAlgorithms : undefined;
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    ...(registrationEnabled ? { registration_endpoint: `${issuer}/register` } : {}),
    // RFC 8628 §4
    ...(deviceAuthorizationEnabled
      ? { device_authorization_endpoint: `${issuer}/device_authorization` }
      : {}),
    revocation_endpoint: `${issuer}/revoke`,
    // Left out, it would mean the same as for the token endpoint's.
    revocation_endpoint_auth_methods_supported: methods,
    ...(algorithms && { revocation_endpoint_auth_signing_alg_values_supported: algorithms }),
    ...(introspectionEnabled
      ? {
          introspection_endpoint: `${issuer}/introspect`,
          introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
        }
      : {}),
    // Never offline_access: who asks for it gets it, but refresh tokens do not depend on it (OpenID Connect Core §11).
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: deps.grantTypes?.() ?? browserGrantTypes,
    ...(proofs.length === 0 ? {} : { dpop_signing_alg_values_supported: proofs }),
    // MCP Enterprise-Managed Authorization, "Discovery"
    ...(grantProfiles.length === 0 ? {} : { authorization_grant_profiles_supported: grantProfiles }),
    // MCP clients must refuse to go on when this is missing; S256 is the only method the authorization endpoint takes.
    code_challenge_methods_supported: ['S256'],
    // RFC 8414 §2: omitted means client_secret_basic, whatever the clients here have.
    token_endpoint_auth_methods_supported: methods,
    ...(algorithms && { token_endpoint_auth_signing_alg_values_supported: algorithms }),
    authorization_response_iss_parameter_supported: true,
    ...(clientDocumentsEnabled ? { client_id_metadata_document_supported: true } : {}),
  };
}
