import type { Clock } from '../../../platform/clock.ts';
import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import type { AwsVariables } from './aws-variables.ts';

/** What this process can learn about where it runs. */
export interface Platform {
  readonly environment: AwsVariables;
  readonly fetch: GuardedFetch;
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
}

/** A token of Google's, for a while. */
export interface IssuedToken {
  readonly token: string;
  readonly lifetimeSeconds: number;
}
