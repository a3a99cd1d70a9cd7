import { afterEach, beforeEach, expect, vi } from 'vitest';

import type { FakeClock } from '../fake-clock.ts';
import { becomeGoogle } from './google.ts';
import { SimulatedGoogleCloud } from './google-cloud.ts';
import type { OpenedProvider } from './opened-provider.ts';
import { startForEachTest, type StartedProvider } from './started-provider.ts';

/** A slow machine is no failure. */
const patience = { timeout: 20_000 };

type Environment = Readonly<Record<string, string | undefined>>;

/** The id of the person who logs in. */
export const alice = '110169484474386276334';

/** Google with a workspace and its cloud around it, anew for every test. */
export interface StartedDirectory extends Pick<StartedProvider, 'remote' | 'open'> {
  readonly clock: FakeClock;
  readonly cloud: SimulatedGoogleCloud;
  /** Opens it and waits until the start has asked what it asks; that is not among the questions then. */
  started(env?: Environment): Promise<OpenedProvider>;
}

export function startDirectoryForEachTest(): StartedDirectory {
  let cloud: SimulatedGoogleCloud;
  const google = startForEachTest(becomeGoogle, () => ({
    IDP: 'google',
    GOOGLE_HOSTED_DOMAIN: 'example.com',
    GOOGLE_DIRECTORY: 'groups',
    GOOGLE_DIRECTORY_ADMIN: 'directory-reader@example.com',
  }));

  beforeEach(async () => {
    cloud = await SimulatedGoogleCloud.start(google.clock);
    google.remote.directoryFetch = cloud.fetch;
    cloud.workspace.users.set(alice, { email: 'alice@example.com' });
    cloud.workspace.join(alice, 'staff@example.com', 'mcp@example.com');
  });
  afterEach(() => cloud.close());

  return {
    get remote() {
      return google.remote;
    },
    get clock() {
      return google.clock;
    },
    get cloud() {
      return cloud;
    },
    open: (env) => google.open(env),
    async started(env = {}) {
      const opened = google.open(env);
      const last = env['GOOGLE_DIRECTORY'] === 'users' ? 'users?' : 'groups?';
      const { questions } = cloud.workspace;
      await vi.waitFor(() => expect(questions.some((each) => each.startsWith(last))).toBe(true), patience);
      questions.length = 0;
      return opened;
    },
  };
}
