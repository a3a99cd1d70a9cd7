export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WorkspaceUser {
  suspended?: boolean | undefined;
  archived?: boolean | undefined;
  readonly email: string;
}

/**
 * The directory of a Google Workspace: people, groups, and who is in which.
 *
 * From developers.google.com/workspace/admin/directory, "Directory API" guides and reference, read, not recorded:
 * - `users.get`: `userKey` is an address or the id; answers have `kind` "admin#directory#user", and `suspended` and `archived`
 *   in every one; of an account that was deleted 404, `errors[0].reason` "notFound"
 * - `groups.list`: with `userKey`, an address or id of a user or group, those that it is a direct member of; 200 on a page at
 *   most; `groups` is left out where there are none; `nextPageToken` on every page but the last
 * - errors: `{"error":{"code","message","errors":[{"domain","reason","message"}],"status"}}`; 403 "Not Authorized to access
 *   this resource/api" has the reason "forbidden"; an API that is not enabled "accessNotConfigured", with `details[].reason`
 *   "SERVICE_DISABLED"; too many questions 403 "quotaExceeded" or 429 "rateLimitExceeded"
 */
export class SimulatedWorkspace {
  /** By id. */
  readonly users = new Map<string, WorkspaceUser>();
  /** Groups by the id or address of a member. */
  readonly memberships = new Map<string, string[]>();
  /** Members over those of an answer about a user; undefined removes one. */
  userShape: Readonly<Record<string, unknown>> = {};
  /** The same of pages of groups. */
  pageShape: Readonly<Record<string, unknown>> = {};
  /** In place of the answer to everything, or to what begins with a path; each at most so often. */
  failures: { readonly path: string; readonly reply: Reply; times: number }[] = [];
  /** Paths with their queries. */
  readonly questions: string[] = [];

  fail(reply: Reply, { path = '', times = Infinity } = {}): void {
    this.failures.push({ path, reply, times });
  }

  join(member: string, ...groups: readonly string[]): void {
    this.memberships.set(member, [...(this.memberships.get(member) ?? []), ...groups]);
  }

  answer(url: URL): Reply {
    const path = url.pathname.replace('/admin/directory/v1/', '');
    this.questions.push(`${path}${url.search}`);
    const failure = this.failures.find(
      (each) => each.times > 0 && `${path}${url.search}`.startsWith(each.path),
    );
    if (failure !== undefined) {
      failure.times -= 1;
      return failure.reply;
    }
    if (path === 'users') return { status: 200, body: { kind: 'admin#directory#users' } };
    if (path.startsWith('users/')) return this.#describeUser(decodeURIComponent(path.slice('users/'.length)));
    if (path === 'groups') return this.#listGroups(url.searchParams);
    return googleError(404, 'notFound', 'NOT_FOUND');
  }

  #describeUser(key: string): Reply {
    const found = [...this.users].find(([id, { email }]) => id === key || email === key);
    if (found === undefined) return googleError(404, 'notFound', 'NOT_FOUND');
    const [id, { suspended = false, archived = false }] = found;
    return {
      status: 200,
      body: { kind: 'admin#directory#user', id, suspended, archived, ...this.userShape },
    };
  }

  #listGroups(query: URLSearchParams): Reply {
    const member = query.get('userKey') ?? '';
    const size = Math.min(Number(query.get('maxResults') ?? 200), 200);
    const from = Number(query.get('pageToken') ?? 0);
    const all = this.memberships.get(member) ?? [];
    const groups = all.slice(from, from + size).map((email, index) => ({
      kind: 'admin#directory#group',
      id: `group-${from + index}`,
      email,
      name: `Name of ${email}`,
    }));
    return {
      status: 200,
      body: {
        kind: 'admin#directory#groups',
        ...(groups.length === 0 ? {} : { groups }),
        ...(from + size < all.length ? { nextPageToken: String(from + size) } : {}),
        ...this.pageShape,
      },
    };
  }
}

export function googleError(
  code: number,
  reason: string,
  status: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const message = 'CANARY of Google: Not Authorized to access this resource/api';
  const details = /^[A-Z]/.test(reason)
    ? [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' }]
    : [];
  const errors = details.length > 0 ? [] : [{ message, domain: 'global', reason }];
  return { status: code, headers, body: { error: { code, message, status, errors, details } } };
}
