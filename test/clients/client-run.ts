import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { ClientCase, StartClient } from './cases.ts';
import { readFacts, readStepUp, type StepUp } from './facts.ts';
import {
  accessTokenSeconds,
  type ClientHouse,
  type DocumentHost,
  guardedTool,
  headersTool,
  startClientHouse,
} from './house.ts';
import type { Person, PersonsBrowser } from './person.ts';
import { findPinnedVersion, packageNameOf } from './pinned-versions.ts';
import type { RealClient } from './real-client.ts';
import type { RecordedRun } from './record.ts';

export interface RunDeps {
  readonly documents: DocumentHost;
  readonly browser: PersonsBrowser;
  readonly folder: string;
  /** Whatever needs the processor takes turns; waiting for a token to expire does not. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

interface Stage {
  readonly house: ClientHouse;
  readonly person: Person;
  readonly startClient: () => RealClient;
  /** The one that was started last. */
  client: RealClient | undefined;
}

/** A moment more than a token lasts. */
const expiryMs = (accessTokenSeconds + 3) * 1000;

/**
 * One client against a gatehouse of its own: it signs in and calls a tool, calls it again when the access token is
 * over, and, if it keeps what it has, once more after a restart.
 * @throws Error that says at which step, what went over the wire, and what client and gatehouse said
 */
export async function runClient(which: ClientCase, start: StartClient, deps: RunDeps): Promise<RecordedRun> {
  let step = 'the start of the gatehouse';
  let stage: Stage | undefined;
  try {
    const set = await deps.inTurn(() => setUp(which, start, deps));
    stage = set;
    const { requests } = set.house;
    step = 'the first call, with the sign-in';
    const signInSeconds = await deps.inTurn(() => timeOf(() => startAndCall(set, 1)));
    const afterSignIn = requests.length;
    await new Promise((resolve) => setTimeout(resolve, expiryMs));
    step = 'the call after the access token has expired';
    await deps.inTurn(() => callTool(set, 1));
    const known = readFacts(requests, afterSignIn);
    step = 'the call that needs more scope';
    const stepUp = await deps.inTurn(() => callGuardedTool(set));
    step = 'the call after a restart';
    if (which.keepsTokens) await deps.inTurn(() => startAndCall(set, set.person.visits()));
    const facts = { ...known, stepUp, survivesRestart: which.keepsTokens };
    return { ...identityOf(which), facts, signInSeconds };
  } catch (error) {
    throw new Error(`${step}: ${messageOf(error)}\n${tell(stage)}`, { cause: error });
  } finally {
    await stage?.client?.close();
    await stage?.person.close();
    await stage?.house.close();
  }
}

function identityOf({ id, client, pinned, era }: ClientCase): Omit<RecordedRun, 'facts' | 'signInSeconds'> {
  return { id, client, package: packageNameOf(pinned), version: findPinnedVersion(pinned), era };
}

async function setUp(which: ClientCase, start: StartClient, deps: RunDeps): Promise<Stage> {
  const name = which.id.replace(/\W+/g, '-');
  const folder = join(deps.folder, name);
  mkdirSync(folder, { recursive: true });
  const { documentRedirectUri } = which;
  const document =
    documentRedirectUri === undefined ? undefined : deps.documents.publish(name, [documentRedirectUri]);
  const house = await startClientHouse(deps.documents, folder);
  const person = await deps.browser.newPerson(name);
  const startClient = (): RealClient =>
    start({ mcpUrl: house.mcpUrl, era: which.era, document, person, folder });
  return { house, person, startClient, client: undefined };
}

/** The tool's answer says who the MCP server was told that calls. */
async function callTool({ client, person }: Stage, visits: number): Promise<void> {
  const headers = JSON.parse((await client?.callTool(headersTool)) ?? '{}') as Record<string, string>;
  if (headers['x-user-sub'] !== person.name)
    throw new Error(`the MCP server heard of ${String(headers['x-user-sub'])}`);
  if (headers['authorization'] !== undefined) throw new Error('the MCP server received a token');
  expectVisits(person, visits);
}

/** Not every client asks the person for more; none may go on asking. */
async function callGuardedTool({ client, house, person }: Stage): Promise<StepUp> {
  const before = house.requests.length;
  const text = await client?.callTool(guardedTool).catch(() => undefined);
  const stepUp = readStepUp(house.requests.slice(before), text !== undefined);
  expectVisits(person, stepUp.outcome === 'gives up' ? 1 : 2);
  return stepUp;
}

function expectVisits(person: Person, expected: number): void {
  const visits = person.visits();
  if (visits !== expected) throw new Error(`the person was asked ${visits} times, not ${expected}`);
}

/** What ran before keeps what it has where the new one finds it. */
async function startAndCall(stage: Stage, visits: number): Promise<void> {
  await stage.client?.close();
  stage.client = stage.startClient();
  await callTool(stage, visits);
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return Math.round((performance.now() - begin) / 100) / 10;
}

/** Each hop up to the one that failed, and the last words of both sides. */
function tell(stage: Stage | undefined): string {
  if (stage === undefined) return '';
  const { house, client } = stage;
  const hops = house.requests.map(
    ({ method, url, status }) => `${method} ${url.pathname} ${status ?? 'no answer'}`,
  );
  const log = house.logged().trimEnd().split('\n').slice(-15);
  const parts = {
    'over the wire': hops,
    'the client': (client?.said() ?? '').split('\n'),
    'the gatehouse': log,
  };
  return Object.entries(parts)
    .map(([title, lines]) => [`  ${title}:`, ...lines.map((line) => `    ${line.slice(0, 240)}`)].join('\n'))
    .join('\n');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
