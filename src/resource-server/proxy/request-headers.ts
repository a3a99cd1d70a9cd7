import { headerValues } from '../../platform/http/raw-headers.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { type HeaderPolicy, mayForward, maySet, standardHeaders } from './header-policy.ts';
import { formatIdentityHeaders } from './identity-headers.ts';
import { createNameTable } from './name-table.ts';

/** Header lines of an outgoing request, each with its line end, or why there are none. */
export type HeaderBuild =
  | { readonly outcome: 'built'; readonly lines: string }
  /** A header that has one value came more than once: two readers could act on different ones. */
  | { readonly outcome: 'repeated' };

/** What the gateway says to the upstream, whatever the client sent. */
export interface GatewayHeaders {
  /** `host[:port]` of the upstream. */
  readonly host: string;
  readonly requestId: string;
  readonly grant: GrantTerms;
  /** The upstream's own credential from configuration, or a token of another issuer that admission passes on. */
  readonly authorization: string | undefined;
  /** The upstream's name for the session, in place of the client's; undefined: as it came. */
  readonly sessionId?: string | undefined;
}

type Cardinality = 'single' | 'list';

/** Every request header that may pass, and whether several lines of it may. Everything else ends here. */
const passing: ReadonlyMap<string, Cardinality> = new Map([
  ['accept', 'list'],
  ['accept-language', 'list'],
  ['baggage', 'list'],
  ['cache-control', 'list'],
  ['content-encoding', 'single'],
  ['content-type', 'single'],
  ['last-event-id', 'single'],
  ['traceparent', 'single'],
  ['tracestate', 'list'],
  ['user-agent', 'single'],
]);

// No underscore: servers that fold `_` and `-` would read a second spelling of a name we have judged.
const mcpHeader = /^mcp-[a-z0-9]+(?:-[a-z0-9]+)*$/;
// Names that servers choose (`x-mcp-header`): any token, since an intermediary must forward those it does not know.
const mcpParameter = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]+$/;

/**
 * Builds the headers for the upstream: an allow-list of what the client sent, then ours. Built, not copied and
 * cleaned: an identity header of some other proxy, a cookie or a credential has no way through, however it is spelled,
 * and `Connection` can take none of ours away.
 * @see RFC 9110 §7.6.1, MCP 2026-07-28 transports
 */
export function createRequestHeaders(policy: HeaderPolicy = standardHeaders): BuildRequestHeaders {
  const set = policy.set.filter(([name]) => maySet(name));
  const judgeName = policy.forward.length + set.length === 0 ? judgeUsual : judgeNamesOf(policy);
  const fixed = set.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return (rawHeaders, ours) => build(rawHeaders, ours, { judgeName, fixed, identity: policy.identity });
}

/** @param rawHeaders name and value alternating, as received; trailers are no part of it */
export type BuildRequestHeaders = (rawHeaders: readonly string[], ours: GatewayHeaders) => HeaderBuild;

interface Rules {
  readonly judgeName: (name: string) => NameVerdict;
  /** Lines that are the same in every request. */
  readonly fixed: string;
  readonly identity: boolean;
}

function build(
  rawHeaders: readonly string[],
  ours: GatewayHeaders,
  { judgeName, fixed, identity }: Rules,
): HeaderBuild {
  const perHop = findConnectionOptions(rawHeaders);
  const parts = ['Host: ', ours.host];
  const passed: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const { name, folded, begin, cardinality } = judgeName(rawHeaders[index] as string);
    if (cardinality === undefined || perHop?.has(name) === true) continue;
    const sent = rawHeaders[index + 1] as string;
    const value = name === 'mcp-session-id' ? (ours.sessionId ?? sent) : sent;
    const position = passed.indexOf(folded);
    if (position === -1) {
      passed.push(folded);
      parts.push(begin, value);
    } else if (cardinality === 'list') {
      // Behind our Host, the values are every second one.
      const at = 2 * position + 3;
      parts[at] = [parts[at] as string, value].filter((part) => part !== '').join(', ');
    } else {
      return { outcome: 'repeated' };
    }
  }
  parts.push('\r\nX-Request-Id: ', ours.requestId, '\r\n', fixed);
  if (identity) parts.push(formatIdentityHeaders(ours.grant));
  if (ours.authorization !== undefined) parts.push('Authorization: ', ours.authorization, '\r\n');
  // Joined and not added up: a text of a hundred pieces costs more when it is written than when it is made.
  return { outcome: 'built', lines: parts.join('') };
}

interface NameVerdict {
  readonly name: string;
  /** So that both spellings of a parameter's name count as one. */
  readonly folded: string;
  /** What stands before the value, the end of the line before included. */
  readonly begin: string;
  /** Undefined: does not pass. */
  readonly cardinality: Cardinality | undefined;
}

const stopped: NameVerdict = { name: '', folded: '', begin: '', cardinality: undefined };

/** The same for every mount without wishes of its own: their tables are one. */
const judgeUsual = judgeNamesOf(standardHeaders);

function judgeNamesOf({ forward, set }: HeaderPolicy): (name: string) => NameVerdict {
  const known = new Map<string, Cardinality>([
    ...passing,
    ...forward.filter(mayForward).map((name) => [name, passing.get(name) ?? 'single'] as const),
  ]);
  // What we say under a name, the client does not say as well.
  for (const [name] of set) known.delete(name);
  return createNameTable(
    (spelled): NameVerdict => {
      const name = spelled.toLowerCase();
      const folded = name.replaceAll('_', '-');
      return { name, folded, begin: `\r\n${name}: `, cardinality: findCardinality(name, known) };
    },
    [...known.keys(), 'mcp-*'],
    stopped,
  );
}

function findCardinality(name: string, known: ReadonlyMap<string, Cardinality>): Cardinality | undefined {
  if (!name.startsWith('mcp-')) return known.get(name);
  return mcpHeader.test(name) || mcpParameter.test(name) ? 'single' : undefined;
}

/** Names that the sender declared to be for this hop alone; undefined when none can matter. */
function findConnectionOptions(rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  const values = headerValues(rawHeaders, 'connection');
  if (values.length === 0 || (values.length === 1 && /^(?:keep-alive|close)$/i.test(values[0] as string))) {
    return undefined;
  }
  return new Set(
    values
      .join(',')
      .split(',')
      .map((option) => option.trim().toLowerCase()),
  );
}
