import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { FetchBudget } from './fetch-budget.ts';
import { remember } from './remember.ts';

/** What the host of a client said. */
export interface RememberedRead<Content> {
  readonly content: Content;
  readonly readAt: EpochSeconds;
  /** As long as its host allows. */
  readonly freshUntil: EpochSeconds;
  /** For as long as its host does not answer. */
  readonly keptUntil: EpochSeconds;
}

/** Reads of documents that the hosts of clients publish, each remembered for a while. */
export interface RememberedReads<Url extends string, Content> {
  find(url: string): RememberedRead<Content> | undefined;
  /** Reads anew, once for all who ask at the same time. Rejects with what `read` rejects with. */
  read(url: Url): Promise<Content>;
}

export interface RememberedReadsDeps<Url extends string, Content> {
  readonly clock: Clock;
  readonly budget: FetchBudget;
  readonly maxEntries: number;
  readonly read: (url: Url) => Promise<{ readonly content: Content; readonly freshSeconds: number }>;
  /** Of a read past the budget. */
  readonly busy: () => OAuthError;
  /** A host that is refused for this has spoken: what was read before is not what it says now. */
  readonly finalReason: RefusalReason;
}

const keptSeconds = 86_400;
/** No cache of errors, which the draft forbids, but a pause: the same request again would be one of ours each time. */
export const pauseSeconds = 10;

interface Failed {
  readonly error: OAuthError;
  readonly until: EpochSeconds;
}

export function createRememberedReads<Url extends string, Content>(
  deps: RememberedReadsDeps<Url, Content>,
): RememberedReads<Url, Content> {
  const { clock, maxEntries } = deps;
  const known = new Map<string, RememberedRead<Content>>();
  const failed = new Map<string, Failed>();
  const underWay = new Map<string, Promise<Content>>();

  async function readNow(url: Url): Promise<Content> {
    const pause = failed.get(url);
    if (pause !== undefined && pause.until > clock.nowSeconds()) throw pause.error;
    const end = deps.budget.begin(new URL(url).hostname);
    if (end === undefined) throw deps.busy();
    try {
      const { content, freshSeconds } = await deps.read(url);
      const now = clock.nowSeconds();
      const entry = { content, readAt: now, freshUntil: now + freshSeconds, keptUntil: now + keptSeconds };
      remember(known, maxEntries, url, entry);
      failed.delete(url);
      return content;
    } catch (error) {
      if (error instanceof OAuthError) {
        remember(failed, maxEntries, url, { error, until: clock.nowSeconds() + pauseSeconds });
        if (error.reason === deps.finalReason) known.delete(url);
      }
      throw error;
    } finally {
      end();
    }
  }

  return {
    find: (url) => known.get(url),
    read(url) {
      const present = underWay.get(url);
      if (present !== undefined) return present;
      const reading = readNow(url).finally(() => underWay.delete(url));
      underWay.set(url, reading);
      return reading;
    },
  };
}

/** Whether a read failed because its host did not answer, or was not asked, rather than for what it said. */
export function isAway(error: unknown): boolean {
  return error instanceof OAuthError && error.code === 'temporarily_unavailable';
}
