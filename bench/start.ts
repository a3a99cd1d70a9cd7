/**
 * Cold start and idle memory of the compiled server, next to an empty `node:http` server in the same run. The two
 * take turns, so that a busy neighbour slows both.
 */
import { times } from './effort.ts';
import { spread, type Spread } from './measure.ts';
import { type ServedProcess, startEmptyServer, startGatehouse } from './served-process.ts';

const runs = times(9, 1);
const residentRuns = times(3, 1);
const idleMilliseconds = times(3_000, 10);

export interface StartFigures {
  /** Until the first answer of /healthz. The listener is bound before anything large is loaded. */
  readonly startMilliseconds: Spread;
  readonly startCpuMilliseconds: Spread;
  /** Until the first answer of the metadata document: everything is loaded, the store is open. */
  readonly readyMilliseconds: Spread;
  readonly readyCpuMilliseconds: Spread;
}

export interface StartBench {
  readonly gatehouse: StartFigures;
  readonly emptyServer: StartFigures;
  readonly idleResidentMegabytes: { readonly gatehouse: Spread; readonly emptyServer: Spread };
}

export async function benchStart(): Promise<StartBench> {
  const gatehouse: Run[] = [];
  const emptyServer: Run[] = [];
  for (let run = -1; run < runs; run += 1) {
    const [ours, empty] = [await measureStart(() => startGatehouse()), await measureStart(startEmptyServer)];
    // The first run only brings the files into the page cache.
    if (run < 0) continue;
    gatehouse.push(ours);
    emptyServer.push(empty);
  }
  const resident = { gatehouse: [] as number[], emptyServer: [] as number[] };
  for (let run = 0; run < residentRuns; run += 1) {
    resident.gatehouse.push(await measureResident(() => startGatehouse()));
    resident.emptyServer.push(await measureResident(startEmptyServer));
  }
  return {
    gatehouse: summarise(gatehouse),
    emptyServer: summarise(emptyServer),
    idleResidentMegabytes: {
      gatehouse: spread(resident.gatehouse, 1),
      emptyServer: spread(resident.emptyServer, 1),
    },
  };
}

type Run = Pick<ServedProcess, 'started' | 'ready'>;

async function measureStart(start: () => Promise<ServedProcess>): Promise<Run> {
  const server = await start();
  await server.stop();
  return server;
}

async function measureResident(start: () => Promise<ServedProcess>): Promise<number> {
  const server = await start();
  await new Promise((resolve) => {
    setTimeout(resolve, idleMilliseconds);
  });
  const resident = server.residentMegabytes();
  await server.stop();
  return resident;
}

function summarise(all: readonly Run[]): StartFigures {
  const spreadOf = (pick: (run: Run) => number): Spread => spread(all.map(pick), 1);
  return {
    startMilliseconds: spreadOf(({ started }) => started.wallMilliseconds),
    startCpuMilliseconds: spreadOf(({ started }) => started.cpuMilliseconds),
    readyMilliseconds: spreadOf(({ ready }) => ready.wallMilliseconds),
    readyCpuMilliseconds: spreadOf(({ ready }) => ready.cpuMilliseconds),
  };
}
