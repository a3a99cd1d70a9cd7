import { headerValues } from '../../platform/http/raw-headers.ts';
import { isJsonType } from '../../services/requests/json-request.ts';
import type { Refusal } from '../proxy/refusal.ts';
import { refuseContent } from './rpc-refusal.ts';

/** Why the body of a POST cannot be judged, whatever is in it; undefined: it can. */
export function judgeContent(rawHeaders: readonly string[]): Refusal | undefined {
  const types = headerValues(rawHeaders, 'content-type');
  if (types.length !== 1 || !isJsonType(types[0])) {
    return refuseContent('The body must be application/json in UTF-8');
  }
  // Not decoded here, and what cannot be read cannot be judged.
  return headerValues(rawHeaders, 'content-encoding').length === 0
    ? undefined
    : refuseContent('The body must have no content coding');
}

/** The path of a target below the mount, without its query; empty for the mount itself, however it ends. */
export function pathBelow(target: string, mountPath: string): string {
  const [path = ''] = target.split('?', 1);
  const below = path.slice(mountPath.length);
  return below === '/' ? '' : below;
}

/** Documents that a server publishes about itself. @see SEP-2127 */
export function isPublished(below: string): boolean {
  return below === '/server-card' || below.startsWith('/.well-known/');
}
