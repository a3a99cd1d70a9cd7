/**
 * The grants of one person that are alive: the list says which there may be, each grant's own record whether it still is
 * one, and the cut-offs whether it was ended together with others.
 */
import { takeBatches } from '../../platform/batches.ts';
import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { StoreError } from '../../platform/store/store.ts';
import { abbreviateClient, type ClientFingerprint } from '../../services/clients/client.ts';
import type { Emit } from '../../services/audit/events.ts';
import { personKey, untilNow } from '../../services/tokens/cut-off.ts';
import type { GrantDirectory } from '../../services/tokens/grant-directory.ts';
import type { ActiveGrant } from '../../services/tokens/grant-record.ts';
import type { Grants } from '../../services/tokens/grants.ts';
import type { GrantDetails, PersonGrant } from '../../services/tokens/person-grant.ts';
import type { Person, PersonGrants } from '../../services/tokens/person-grants.ts';
import { refreshTokenIdleSeconds } from '../../services/tokens/refresh-token.ts';
import type { Revocations } from '../../services/tokens/revocations.ts';

/** A live grant of a person. */
export interface OwnGrant {
  readonly grantId: string;
  readonly client: ClientFingerprint;
  /** Undefined: what was known of it cannot be read any more. It can be ended all the same. */
  readonly details: GrantDetails | undefined;
  /** Undefined: not known, and maybe never. */
  readonly refreshedAt: EpochSeconds | undefined;
  /** When it ends by itself unless it is refreshed before. */
  readonly endsUnused: EpochSeconds;
  /** No refresh goes past this moment. */
  readonly absoluteEnd: EpochSeconds;
}

/** Rejects with `StoreError`. */
export interface OwnGrants {
  /** The newest first. */
  list(person: Person): Promise<readonly OwnGrant[]>;
  /**
   * Ends one grant of this person: its refresh token at once, its access tokens and open streams at every process that
   * reads the feed. Undefined: there is no such grant of theirs; whether there is one of somebody else's is not said.
   */
  end(person: Person, grantId: string, requestId: string): Promise<OwnGrant | undefined>;
  /** Ends everything that the person allowed until now, listed or not. Returns what was listed, as far as it can be read. */
  endAll(person: Person, requestId: string): Promise<readonly OwnGrant[]>;
}

export interface OwnGrantsDeps {
  readonly personGrants: Pick<PersonGrants, 'list' | 'remove'>;
  readonly directory: Pick<GrantDirectory, 'find' | 'end'>;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly revocations: Pick<Revocations, 'judge' | 'cutOff'>;
  /** Grants from before this moment are over. Undefined: none are cut off. */
  readonly revokeBefore: EpochSeconds | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** What is asked of the store at a time for one page. */
const atOnce = 20;
const cause = 'account_page';
/** A device may come for its first tokens so long after the person allowed it. */
const mostUntilRedeemed = 600;

export function createOwnGrants(deps: OwnGrantsDeps): OwnGrants {
  const { personGrants, directory, revocations, clock } = deps;

  /** `onEnded`: told of a grant whose own record says that it was ended. */
  async function findLive(
    person: Person,
    listed: PersonGrant,
    onEnded?: (grantId: string) => void,
  ): Promise<OwnGrant | undefined> {
    const found = await directory.find(listed.grantId);
    const record = found?.record;
    if (record?.stage === 'revoked') onEnded?.(listed.grantId);
    // The subject as well: a list that somebody tampered with must not end what is another person's.
    if (record?.stage !== 'active' || record.subject !== person.subject) return undefined;
    const { grantId, absoluteEnd, details } = listed;
    const client = record.client as ClientFingerprint;
    if (isCutOff(person, listed, client)) return undefined;
    const refreshedAt = refreshedAtOf(record);
    const usedAt = refreshedAt ?? (details?.grantedAt ?? Infinity) + mostUntilRedeemed;
    const endsUnused = Math.min(absoluteEnd, usedAt + refreshTokenIdleSeconds);
    if (endsUnused <= clock.nowSeconds()) return undefined;
    return { grantId, client, details, refreshedAt, endsUnused, absoluteEnd };
  }

  function isCutOff(person: Person, { details }: PersonGrant, client: ClientFingerprint): boolean {
    const { identityIssuer, subject } = person;
    const grantedAt = details?.grantedAt ?? clock.nowSeconds();
    if (deps.revokeBefore !== undefined && grantedAt < deps.revokeBefore) return true;
    const sessionId = details?.sessionId;
    // Not by its own cut-off: an end that broke off has one, and while the record is active the person must see the grant
    // to end it once more.
    return revocations.judge({ grantId: '', identityIssuer, subject, client, grantedAt, sessionId });
  }

  async function list(person: Person): Promise<readonly OwnGrant[]> {
    const listed = await personGrants.list(person);
    const live: OwnGrant[] = [];
    const ended: string[] = [];
    for (const some of takeBatches(listed, atOnce)) {
      const found = await Promise.all(some.map((each) => findLive(person, each, (id) => ended.push(id))));
      live.push(...found.filter((each) => each !== undefined));
    }
    // Their lines are of no use to anybody; the next look asks about fewer.
    if (ended.length > 0) await unlessAway(personGrants.remove(person, ended));
    return live;
  }

  /** For telling alone: what cannot be read now is left out, and keeps nothing from ending. */
  async function listReadable(person: Person): Promise<readonly OwnGrant[]> {
    const listed = (await unlessAway(personGrants.list(person))) ?? [];
    const live: OwnGrant[] = [];
    for (const some of takeBatches(listed, atOnce)) {
      const found = await Promise.allSettled(some.map((each) => findLive(person, each)));
      live.push(...found.flatMap((each) => (each.status === 'fulfilled' ? (each.value ?? []) : [])));
      // A store that is slow to say no is not asked for the rest: the person waits for the end.
      if (found.some(({ status }) => status === 'rejected')) break;
    }
    return live;
  }

  function tell({ subject }: Person, { grantId: grant, client }: OwnGrant, requestId: string): void {
    const named = { grant, subject, client: abbreviateClient(client) };
    deps.emit({ type: 'grant_revoked', cause, ...named }, requestId);
  }

  return {
    list,
    async end(person, grantId, requestId) {
      const listed = (await personGrants.list(person)).find((each) => each.grantId === grantId);
      const own = listed === undefined ? undefined : await findLive(person, listed);
      if (own === undefined) return undefined;
      const { client, absoluteEnd } = own;
      await deps.grants.revoke({ grantId, subject: person.subject, client, absoluteEnd }, cause);
      tell(person, own, requestId);
      await unlessAway(personGrants.remove(person, [grantId]));
      return own;
    },
    async endAll(person, requestId) {
      const { identityIssuer, subject } = person;
      const listed = await listReadable(person);
      // One cut-off for all there is: grants that no list has, and codes and devices on their way to tokens, as well.
      const key = personKey(identityIssuer, subject);
      await revocations.cutOff({ kind: 'subject', key, before: untilNow(clock.nowSeconds()) });
      for (const own of listed) tell(person, own, requestId);
      deps.emit({ type: 'account_access_ended', subject }, requestId);
      await unlessAway(endRecords(listed));
      await unlessAway(
        personGrants.remove(
          person,
          listed.map(({ grantId }) => grantId),
        ),
      );
      return listed;
    },
  };

  /** So that other processes refuse their refreshes at once, and not when the feed has reached them. */
  async function endRecords(listed: readonly OwnGrant[]): Promise<void> {
    for (const some of takeBatches(listed, atOnce)) {
      await Promise.all(some.map(({ grantId }) => directory.end(grantId, cause)));
    }
  }
}

function refreshedAtOf({ previous, refreshedAtMs }: ActiveGrant): EpochSeconds | undefined {
  const atMs = previous?.rotatedAtMs ?? refreshedAtMs;
  return atMs === undefined ? undefined : Math.floor(atMs / 1000);
}

/**
 * What only tells of an end, or tidies up after one that was recorded, must not keep it from being made, nor make it look
 * as if it had failed. Undefined: the store did not answer.
 */
async function unlessAway<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return undefined;
  }
}
