import { noScopes, type ProtectedResource } from '../../src/services/resources/resource.ts';
import { createResources, type Resources } from '../../src/services/resources/resources.ts';

/** A protected resource by its identifier, with its metadata where RFC 9728 §3.1 has it. */
export function describeAsResource(identifier: string, title?: string): ProtectedResource {
  const { origin, pathname } = new URL(identifier);
  const metadataUrl = `${origin}/.well-known/oauth-protected-resource${pathname}`;
  return { identifier, metadataUrl, title, scopes: noScopes };
}

/** The resources of a gatehouse that has one. */
export function oneResource(issuer: string, identifier: string, title?: string): Resources {
  const resource = describeAsResource(identifier, title);
  return createResources(issuer, { resources: [resource], fallback: resource });
}
