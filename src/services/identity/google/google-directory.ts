import type { DirectoryEntry, PersonDirectory } from '../person-directory.ts';
import { createPlaces } from '../places.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { createProviderPause } from '../provider-pause.ts';
import { findGroups, type GroupPage, type ListGroups } from './directory-groups.ts';
import { obtainDirectoryToken } from './directory-token.ts';
import { type Answer, askTwice, failureOf, hasReason, membersOf } from './google-answer.ts';
import { type GoogleDirectorySettings, groupAddressSyntax } from './google-directory-settings.ts';
import { createKeptToken } from './kept-token.ts';
import type { Platform } from './platform.ts';
import { createRememberedGroups } from './remembered-groups.ts';

export interface GoogleDirectoryDeps extends Platform {
  readonly settings: GoogleDirectorySettings;
  /** Kept beside those that the settings name, if they name any. */
  readonly allowedGroups: readonly string[];
  /** Those that the rules of this moment name, which are kept as well. */
  readonly groupsOfRules: () => ReadonlySet<string>;
  /** Told of every question that had no answer. */
  readonly onFailure: (failure: ProviderFailure) => void;
  /** Told at the start when nothing can be read. */
  readonly onStartFailure: (failure: ProviderFailure) => void;
}

const api = 'https://admin.googleapis.com/admin/directory/v1';
/** As many as Google puts on one page. */
const pageSize = 200;
const mostAtOnce = 32;
const startTimeoutMilliseconds = 10_000;

// `sub` of Google is the id of its directory. Anything else could be taken for an address, which passes from one person
// to the next.
const subjectSyntax = /^\d{1,64}$/;

/**
 * The directory of a Google Workspace. Questions are bounded in time, number and size, and stop for a moment when nothing
 * answers.
 *
 * Nested groups are found by asking about each group in turn. Cloud Identity's `searchTransitiveGroups` does it in one
 * request, for some editions of Workspace only: > "only available to Google Workspace Enterprise Standard, Enterprise Plus,
 * and Enterprise for Education; and Cloud Identity Premium accounts".
 * @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/get
 * @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/groups/list
 */
export function createGoogleDirectory(deps: GoogleDirectoryDeps): PersonDirectory {
  const { settings, clock } = deps;
  const token = createKeptToken({ clock, obtain: (signal) => obtainDirectoryToken(settings, deps, signal) });
  const pause = createProviderPause(clock);
  const inPlace = createPlaces(mostAtOnce);
  const kept = settings.keeps === undefined ? undefined : new Set([...settings.keeps, ...deps.allowedGroups]);
  const around = settings.reads === 'nested' ? createRememberedGroups(clock) : undefined;
  const closing = new AbortController();
  void tryOut();

  /** Says nothing of anybody; only whether users and groups may be read at all. */
  async function tryOut(): Promise<void> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(startTimeoutMilliseconds)]);
    const query = `domain=${settings.domain}&maxResults=1&fields=kind`;
    try {
      expectSuccess(await get(`users?${query}`, signal));
      if (settings.reads !== 'users') expectSuccess(await get(`groups?${query}`, signal));
    } catch (error) {
      if (!closing.signal.aborted) deps.onStartFailure(summarize(error));
    }
  }

  async function get(path: string, signal: AbortSignal): Promise<Answer> {
    const bearer = await token.get(signal);
    const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
    const answer = await askTwice(deps.fetch, `${api}/${path}`, { headers, signal });
    if (answer.status === 401) token.forget(bearer);
    return answer;
  }

  async function look(subject: string, question: Question): Promise<DirectoryEntry> {
    const { deadline } = question;
    if (!subjectSyntax.test(subject)) throw new ProviderFailure('directory_malformed');
    const answer = await get(`users/${subject}?fields=kind,id,suspended,archived`, deadline);
    if (answer.status === 404 && hasReason(answer, ['notFound'])) return { outcome: 'gone' };
    if (isInactive(expectSuccess(answer), subject)) return { outcome: 'gone' };
    question.isHeard = true;
    if (settings.reads === 'users') return { outcome: 'present', groups: undefined };
    const list: ListGroups = async (member, pageToken) => {
      const query = new URLSearchParams({ userKey: member, maxResults: String(pageSize) });
      if (pageToken !== undefined) query.set('pageToken', pageToken);
      return readPage(expectSuccess(await get(`groups?${query.toString()}`, deadline)));
    };
    const all = await findGroups(subject, { list, around });
    if (kept === undefined) return { outcome: 'present', groups: all };
    const ruled = deps.groupsOfRules();
    return { outcome: 'present', groups: all.filter((group) => kept.has(group) || ruled.has(group)) };
  }

  async function find(subject: string, deadline: AbortSignal): Promise<DirectoryEntry> {
    if (!pause.admits()) throw new ProviderFailure('directory_paused');
    const question: Question = { deadline: AbortSignal.any([deadline, closing.signal]), isHeard: false };
    try {
      const entry = await look(subject, question);
      pause.answered();
      return entry;
    } catch (error) {
      const failure = summarize(error);
      // Whoever is in very many groups must not close the directory to all by asking again and again.
      const isTooMuch = ['directory_too_many_groups', 'directory_timeout'].includes(failure.code);
      if (question.isHeard && isTooMuch) pause.answered();
      else pause.failed();
      deps.onFailure(failure);
      throw failure;
    }
  }

  return {
    find: (subject, deadline) => inPlace(() => find(subject, deadline), crowded),
    close: () => closing.abort(),
  };
}

interface Question {
  readonly deadline: AbortSignal;
  /** The directory is there, and knows this person. */
  isHeard: boolean;
}

function crowded(): never {
  throw new ProviderFailure('directory_paused');
}

/** A deadline that passed while somebody waited for the token is one like any other. */
function summarize(error: unknown): ProviderFailure {
  return error instanceof ProviderFailure ? error : new ProviderFailure('directory_timeout');
}

/** @see https://developers.google.com/workspace/admin/directory/v1/guides/troubleshoot-error-codes */
function expectSuccess(answer: Answer): Readonly<Record<string, unknown>> {
  if (answer.status === 200) return membersOf(answer.body);
  if (hasReason(answer, ['SERVICE_DISABLED', 'accessNotConfigured'])) {
    throw new ProviderFailure('directory_api_disabled');
  }
  if (hasReason(answer, ['insufficientPermissions', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'])) {
    throw new ProviderFailure('directory_delegation_refused');
  }
  const isDenied =
    answer.status === 403 && hasReason(answer, ['forbidden', 'PERMISSION_DENIED', 'domainCannotUseApis']);
  throw isDenied ? new ProviderFailure('directory_denied') : failureOf(answer);
}

/** An answer that leaves it open is none: people are let in by it. */
function isInactive(user: Readonly<Record<string, unknown>>, subject: string): boolean {
  const { kind, id, suspended, archived = false } = user;
  const isUser = kind === 'admin#directory#user' && id === subject;
  if (!isUser || typeof suspended !== 'boolean' || typeof archived !== 'boolean') {
    throw new ProviderFailure('directory_malformed');
  }
  return suspended || archived;
}

/** Google leaves `groups` out where there are none; what is no list of groups at all must not pass for that. */
function readPage({ kind, groups = [], nextPageToken: next }: Readonly<Record<string, unknown>>): GroupPage {
  const isPage = kind === 'admin#directory#groups' && Array.isArray(groups);
  if (!isPage || (next !== undefined && (typeof next !== 'string' || next === ''))) {
    throw new ProviderFailure('directory_malformed');
  }
  return { groups: groups.map(readAddress), next };
}

function readAddress(group: unknown): string {
  const { email } = membersOf(group);
  const address = typeof email === 'string' ? email.toLowerCase() : '';
  if (!groupAddressSyntax.test(address)) throw new ProviderFailure('directory_malformed');
  return address;
}
