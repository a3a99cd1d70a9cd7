import { headerValues } from '../../platform/http/raw-headers.ts';
import { type Tagger, tagLength } from '../../platform/sealing/tagger.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';

/** Who may use a session of the upstream: whoever it was opened for. */
export interface SessionBinding {
  /** The session that a call is about, if it is about one of its caller's. */
  find(rawHeaders: readonly string[], grant: GrantTerms): SessionVerdict;
  /** What the client gets in place of an id that the upstream gave out. */
  bind(sessionId: string, grant: GrantTerms, known: BoundSession | undefined): string;
}

export type SessionVerdict =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'own'; readonly session: BoundSession }
  | { readonly outcome: 'foreign' };

/** One session, by both its names. */
export interface BoundSession {
  /** The upstream's. */
  readonly id: string;
  /** The client's. */
  readonly shown: string;
}

const header = 'mcp-session-id';
const none: SessionVerdict = { outcome: 'none' };
const foreign: SessionVerdict = { outcome: 'foreign' };
/** Sessions that are remembered of one token: a client has one, or a few. */
const maxRemembered = 8;

/**
 * Binds session ids to person, client and mount: the client's id is the upstream's and a tag. Nothing is stored, so it
 * holds through restarts and among replicas; a tag is computed once for each token.
 * An id that leaked, or can be guessed, is worth nothing to anybody else, whatever the upstream makes of it.
 * @see MCP 2025-11-25 transports, "Session Management"; MCP security best practices, "Session Hijacking"
 */
export function createSessionBinding(resource: string, tagger: Tagger): SessionBinding {
  // A grant is the same object as long as its token is remembered, and is forgotten with every change of the keys.
  const remembered = new WeakMap<GrantTerms, Map<string, BoundSession>>();

  function remember(grant: GrantTerms, session: BoundSession): BoundSession {
    const sessions = remembered.get(grant) ?? new Map<string, BoundSession>();
    if (sessions.size >= maxRemembered) sessions.clear();
    remembered.set(grant, sessions.set(session.shown, session));
    return session;
  }

  const describe = (id: string, { identityIssuer, subject, client }: GrantTerms): string =>
    JSON.stringify([resource, identityIssuer, subject, client, id]);

  return {
    find(rawHeaders, grant) {
      const presented = headerValues(rawHeaders, header);
      const [shown] = presented;
      if (shown === undefined) return none;
      const known = remembered.get(grant)?.get(shown);
      // Several are for the forwarder to refuse; none of them is looked at here.
      if (presented.length > 1) return none;
      if (known !== undefined) return { outcome: 'own', session: known };
      const at = shown.length - tagLength;
      const id = shown.slice(0, at - 1);
      if (at < 2 || shown[at - 1] !== '.' || !tagger.verify(describe(id, grant), shown.slice(at)))
        return foreign;
      return { outcome: 'own', session: remember(grant, { id, shown }) };
    },
    bind(id, grant, known) {
      // Some upstreams repeat the id in every answer. The client's stays as it is, although the key may be another now.
      if (known?.id === id) return known.shown;
      return remember(grant, { id, shown: `${id}.${tagger.tag(describe(id, grant))}` }).shown;
    },
  };
}
