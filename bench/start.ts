/**
 * Cold start and idle memory of the compiled server, next to an empty `node:http` server in the same run. The two
 * take turns, so that a busy neighbour slows both.
 */
import { spread, type Spread } from './measure.ts';
import { type ServedProcess, startEmptyServer, startGatehouse } from './served-process.ts';

const runs = 9;
const idleMilliseconds = 3_000;

export interface StartFigures {
  readonly startMilliseconds: Spread;
  readonly startCpuMilliseconds: Spread;
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
  for (let run = 0; run < 3; run += 1) {
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

interface Run {
  readonly wall: number;
  readonly cpu: number;
}

async function measureStart(start: () => Promise<ServedProcess>): Promise<Run> {
  const server = await start();
  const run = { wall: server.startMilliseconds, cpu: server.cpuMilliseconds() };
  await server.stop();
  return run;
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
  return {
    startMilliseconds: spread(
      all.map(({ wall }) => wall),
      1,
    ),
    startCpuMilliseconds: spread(
      all.map(({ cpu }) => cpu),
      1,
    ),
  };
}
