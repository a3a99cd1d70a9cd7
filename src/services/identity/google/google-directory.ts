import type { DirectoryEntry, PersonDirectory } from '../person-directory.ts';
import { createPlaces } from '../places.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { createProviderPause } from '../provider-pause.ts';
import { findGroups, type GroupPage, type ListGroups } from './directory-groups.ts';
import { createDirectoryRequests, expectSuccess, isUnknown, type Question } from './directory-requests.ts';
import { obtainDirectoryToken } from './directory-token.ts';
import { membersOf } from './google-answer.ts';
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
  const requests = createDirectoryRequests({ fetch: deps.fetch, token, domain: settings.domain });
  const pause = createProviderPause(clock);
  const inPlace = createPlaces(mostAtOnce);
  const kept = settings.keeps === undefined ? undefined : new Set([...settings.keeps, ...deps.allowedGroups]);
  const around = settings.reads === 'nested' ? createRememberedGroups(clock) : undefined;
  const closing = new AbortController();
  void tryOut();

  /** Says nothing of anybody; only whether users and groups may be read at all. */
  async function tryOut(): Promise<void> {
    const question = open(AbortSignal.timeout(startTimeoutMilliseconds));
    const groups = `groups?domain=${settings.domain}&maxResults=1&fields=kind`;
    try {
      await requests.prove(question);
      if (settings.reads !== 'users') expectSuccess(await requests.get(groups, question));
    } catch (error) {
      if (!closing.signal.aborted) deps.onStartFailure(summarize(error));
    }
  }

  function open(deadline: AbortSignal): Question {
    const either = AbortSignal.any([deadline, closing.signal]);
    return { deadline: either, isHeard: false, isShutOut: false };
  }

  async function look(subject: string, question: Question): Promise<DirectoryEntry> {
    const answer = await requests.get(`users/${subject}?fields=kind,id,suspended,archived`, question);
    if (isUnknown(answer)) {
      // The directory of somebody else knows nobody of here: with one wrong setting everybody would be gone.
      await requests.prove(question, answer.bearer);
      return { outcome: 'gone' };
    }
    if (isInactive(expectSuccess(answer), subject)) return { outcome: 'gone' };
    question.isHeard = true;
    if (settings.reads === 'users') return { outcome: 'present', groups: undefined };
    const list: ListGroups = async (member, pageToken) => {
      const query = new URLSearchParams({ userKey: member, maxResults: String(pageSize) });
      if (pageToken !== undefined) query.set('pageToken', pageToken);
      const page = await requests.get(`groups?${query.toString()}`, question);
      return isUnknown(page) ? undefined : readPage(expectSuccess(page));
    };
    const all = await findGroups(subject, { list, around });
    if (kept === undefined) return { outcome: 'present', groups: all };
    const ruled = deps.groupsOfRules();
    return { outcome: 'present', groups: all.filter((group) => kept.has(group) || ruled.has(group)) };
  }

  async function find(subject: string, deadline: AbortSignal): Promise<DirectoryEntry> {
    if (!subjectSyntax.test(subject)) {
      const failure = new ProviderFailure('directory_malformed');
      deps.onFailure(failure);
      throw failure;
    }
    if (!pause.admits()) throw new ProviderFailure('directory_paused');
    const question = open(deadline);
    try {
      const entry = await look(subject, question);
      pause.answered();
      return entry;
    } catch (error) {
      const failure = summarize(error);
      if (isAboutPerson(failure, question)) pause.answered();
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

/** What is said of one of them, and of whom they are in groups with. */
const personalKinds = new Set(['directory_malformed', 'directory_denied', 'directory_too_many_groups']);

/**
 * Whoever is in very many groups, in one with an odd name, or kept from us by a rule of the Workspace, must not close the
 * directory to all by asking again and again.
 */
function isAboutPerson({ code }: ProviderFailure, { isHeard, isShutOut }: Question): boolean {
  if (isShutOut) return false;
  return personalKinds.has(code) || (isHeard && code === 'directory_timeout');
}

function crowded(): never {
  throw new ProviderFailure('directory_paused');
}

/** A deadline that passed while somebody waited for the token is one like any other. */
function summarize(error: unknown): ProviderFailure {
  return error instanceof ProviderFailure ? error : new ProviderFailure('directory_timeout');
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
