import type { Readiness } from './private-listener.ts';
import { joinProviderReadiness } from './provider-readiness.ts';

export interface WorkerReadinessDeps {
  readonly wanted: number;
  /** Whether people log in somewhere. */
  readonly hasProviders: boolean;
  /** What each worker that serves says of itself; one that hangs is missing. */
  readonly ask: () => Promise<readonly Readiness[]>;
}

/** Whether several processes serve as one. */
export interface WorkerReadiness {
  readiness(): Promise<Readiness>;
  /** All have been there once. */
  allCame(): void;
  drain(): void;
}

/**
 * At the start all workers have to come. From then on one is enough: a worker that is being replaced takes nobody out
 * of rotation.
 */
export function createWorkerReadiness({ wanted, hasProviders, ask }: WorkerReadinessDeps): WorkerReadiness {
  let stage: 'starting' | 'started' | 'draining' = 'starting';

  function statusOf(ready: number): Readiness['status'] {
    if (stage === 'draining') return 'shutting_down';
    if (stage === 'starting') return 'starting';
    return ready > 0 ? 'ok' : 'no_worker';
  }

  return {
    async readiness() {
      const said = await ask();
      const worst = (what: 'store' | 'identity_provider') =>
        said.length > 0 && said.every((each) => each[what] === 'ok') ? 'ok' : 'unavailable';
      return {
        status: statusOf(said.length),
        store: worst('store'),
        ...(hasProviders ? { identity_provider: worst('identity_provider') } : {}),
        ...joinProviderReadiness(said),
        workers: { wanted, ready: said.length },
      };
    },
    allCame() {
      if (stage === 'starting') stage = 'started';
    },
    drain() {
      stage = 'draining';
    },
  };
}
