import { OAuthError } from '../../protocol/oauth-error.ts';
import { canonicalResource } from '../../protocol/resource-uri.ts';
import type { ProtectedResource } from './resource.ts';

/** The protected resources there are now; a reload may change them. */
export interface Resources {
  /** Of many alike one, whose identifier is nobody's. */
  all(): readonly ProtectedResource[];
  find(identifier: string): ProtectedResource | undefined;
  /**
   * The one resource that a request is about. None named, or the issuer: the default one, never "all".
   * @throws OAuthError `invalid_target`, reason `resource_mismatch`   @see RFC 8707 §2
   */
  resolve(requested: readonly string[]): ProtectedResource;
}

export interface ResourceTable {
  readonly resources: readonly ProtectedResource[];
  /** Meant by requests that name none. Undefined: they are refused. */
  readonly fallback: ProtectedResource | undefined;
  /** Resources that are too many to be listed. Absent: there are none. */
  readonly families?: {
    /** One that stands for each lot. */
    readonly all: readonly ProtectedResource[];
    /** @param identifier in comparison form, and of none of the listed ones */
    readonly find: (identifier: string) => ProtectedResource | undefined;
  };
}

export function createResources(
  issuer: string,
  initial: ResourceTable,
): Resources & { replace(table: ResourceTable): void } {
  let table = initial;
  let byIdentifier = index(initial);
  const issuerUri = canonicalResource(issuer);

  function find(canonical: string | undefined): ProtectedResource | undefined {
    if (canonical === undefined) return undefined;
    return byIdentifier.get(canonical) ?? table.families?.find(canonical);
  }

  function findNamed(value: string): ProtectedResource | undefined {
    const canonical = canonicalResource(value);
    // Legacy clients name the authorization server and mean "what is behind you".
    return find(canonical) ?? (canonical === issuerUri ? table.fallback : undefined);
  }

  return {
    all: () => [...table.resources, ...(table.families?.all ?? [])],
    find: (identifier) => find(canonicalResource(identifier)),
    resolve(requested) {
      const [resource, ...others] = requested.length === 0 ? [table.fallback] : requested.map(findNamed);
      const isOne = others.every((other) => other?.identifier === resource?.identifier);
      // RFC 8707 allows several; a token here is good for one.
      if (resource === undefined || !isOne) throw refuse(requested);
      return resource;
    },
    replace(next) {
      table = next;
      byIdentifier = index(next);
    },
  };
}

function index({ resources }: ResourceTable): ReadonlyMap<string, ProtectedResource> {
  return new Map(
    resources.map((resource) => [canonicalResource(resource.identifier) ?? resource.identifier, resource]),
  );
}

function refuse(requested: readonly string[]): OAuthError {
  const description =
    requested.length === 0
      ? 'There are several resources here; name one with the resource parameter'
      : 'The requested resource is not served here';
  return new OAuthError('invalid_target', description, { reason: 'resource_mismatch' });
}
