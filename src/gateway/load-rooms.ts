import { setTimeout as pause } from 'node:timers/promises';

import type * as rooms from './rooms.ts';

/** Long enough for a connection that waits to be accepted and answered. */
const pauseMilliseconds = 1;

/**
 * Loads the rooms, the large libraries before them one by one: loading holds the process up, and in between a probe or
 * a signal gets its turn.
 */
export async function loadRooms(): Promise<typeof rooms> {
  const libraries = [
    () => import('@prometheus-io/client'),
    () => import('@hono/node-server'),
    () => import('undici'),
  ];
  for (const load of libraries) {
    await pause(pauseMilliseconds);
    await load();
  }
  await pause(pauseMilliseconds);
  return import('./rooms.ts');
}
