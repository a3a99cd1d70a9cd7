/** What a process costs, as the operating system sees it: its children counted in. Linux. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far in milliseconds, user and system, of all threads of a process and its descendants. */
export function cpuMilliseconds(pid: number): number {
  let nanoseconds = 0;
  for (const member of processTree(pid)) {
    // Nanoseconds on a CPU: /proc's other counters tick every 10 ms only.
    for (const thread of list(`/proc/${member}/task`)) {
      nanoseconds += Number(read(`/proc/${member}/task/${thread}/schedstat`).split(' ', 1)[0]);
    }
  }
  return nanoseconds / 1e6;
}

/** Resident memory of a process and its descendants; pages they share count for each. */
export function residentKibibytes(pid: number): number {
  const resident = processTree(pid).map((member) => {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${member}/status`))?.[1] ?? '0');
  });
  return resident.reduce((sum, each) => sum + each, 0);
}

/** The process and whatever it started, and they. */
export function processTree(pid: number): readonly number[] {
  const children = list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((word) => word !== ''),
  );
  return [pid, ...children.map(Number).flatMap(processTree)];
}

/** What is gone by the time it is read has nothing to say. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '0';
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
