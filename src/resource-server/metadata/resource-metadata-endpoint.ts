/**
 * Protected resource metadata: tells a client that met a 401 which authorization server to ask.
 *
 * Owns the document and nothing else. The same document answers at the path-inserted well-known URL of the mount and
 * at the root one: there is a single resource, and a root document that named another (the bare origin, say) would be
 * refused by clients that compare `resource` with the URL a person entered.
 *
 * @see RFC 9728 §2, §3.1 and §3.3, MCP 2026-07-28 Protected Resource Metadata Discovery Requirements
 */
import type { Handler } from '../../platform/http/handler.ts';
import type { DpopMode } from '../../services/dpop/dpop-mode.ts';
import { proofAlgorithms } from '../../services/dpop/proof-key.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';

export interface ResourceMetadataDeps {
  /** Whose tokens it takes: byte-identical to the `issuer` of that authorization server's metadata. */
  readonly issuer: string;
  readonly resource: Pick<ProtectedResource, 'identifier' | 'title' | 'scopes' | 'dpop'>;
}

const maxAgeSeconds = 300;

/** Answers with the protected resource metadata document of the mount. */
export function createResourceMetadataEndpoint(deps: ResourceMetadataDeps): Handler {
  const body = JSON.stringify(describeResource(deps));
  const headers = {
    'content-type': 'application/json',
    'cache-control': `public, max-age=${maxAgeSeconds}`,
  };
  return () => Promise.resolve(new Response(body, { headers }));
}

function describeResource({ issuer, resource }: ResourceMetadataDeps): Record<string, unknown> {
  return {
    resource: resource.identifier,
    authorization_servers: [issuer],
    // RFC 6750 §2: the other two ways put tokens into URLs and bodies, where logs find them.
    bearer_methods_supported: ['header'],
    // MCP: the minimal set, of which clients ask for all; more is asked for when a call needs it. RFC 9728 §2: a
    // parameter with zero values must be omitted.
    ...(resource.scopes.defaults.length === 0 ? {} : { scopes_supported: resource.scopes.defaults }),
    ...(resource.title === undefined ? {} : { resource_name: resource.title }),
    ...(isProving(resource.dpop) ? { dpop_signing_alg_values_supported: proofAlgorithms } : {}),
    ...(resource.dpop === 'required' ? { dpop_bound_access_tokens_required: true } : {}),
  };
}

function isProving(mode: DpopMode = 'off'): boolean {
  return mode !== 'off';
}
