import type { Claims } from '../claims.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { type GitHubApi, membersOf } from './github-api.ts';

/**
 * Asks GitHub who a token belongs to, in the words of an ID token: `sub` is the numeric id, for names are given to others
 * when they become free; `email` the primary address; `groups` the organisations, and teams as `organisation/team`.
 * @throws ProviderFailure
 */
export async function askForPerson(api: GitHubApi, token: string, signal: AbortSignal): Promise<Claims> {
  const [user, emails, organizations, teams] = await Promise.all([
    api.get('/user', token, signal),
    api.list('/user/emails', token, signal),
    api.list('/user/orgs', token, signal),
    api.list('/user/teams', token, signal),
  ]);
  const { id, name, login } = membersOf(user);
  if (!Number.isSafeInteger(id)) throw new ProviderFailure('malformed');
  return {
    sub: String(id),
    name: name ?? login,
    ...readPrimaryEmail(emails),
    groups: [...organizations.map(readOrganization), ...teams.map(readTeam)],
  };
}

/**
 * Asks GitHub who a token belongs to, and nothing else: for somebody who may have no address that is verified, and be in
 * organisations that cannot be read. They are shown the name by which they log in.
 * @throws ProviderFailure
 */
export async function askWhoItIs(api: GitHubApi, token: string, signal: AbortSignal): Promise<Claims> {
  const { id, login } = membersOf(await api.get('/user', token, signal));
  if (!Number.isSafeInteger(id)) throw new ProviderFailure('malformed');
  return { sub: String(id), name: login };
}

/** Other verified addresses may be a former employer's; the primary one is what the person goes by. */
function readPrimaryEmail(emails: readonly unknown[]): Claims {
  const primary = emails.map(membersOf).find((entry) => entry['primary'] === true);
  return primary === undefined
    ? {}
    : { email: primary['email'], email_verified: primary['verified'] === true };
}

function readOrganization(organization: unknown): string {
  return readName(membersOf(organization)['login']);
}

function readTeam(team: unknown): string {
  const { slug, organization } = membersOf(team);
  return `${readOrganization(organization)}/${readName(slug)}`;
}

/** A slash in one of the names would let an organisation pass for a team of another. */
function readName(value: unknown): string {
  if (typeof value === 'string' && /^[\w.-]+$/.test(value)) return value;
  throw new ProviderFailure('malformed');
}
