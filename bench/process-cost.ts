/** What a process costs, as the operating system sees it: its children counted in. Linux. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far in milliseconds, user and system, of all threads of a process and its descendants. */
export function cpuMilliseconds(pid: number): number {
  // Nanoseconds on a CPU: /proc's other counters tick every 10 ms only.
  const nanoseconds = threadsOf(pid).map((thread) =>
    Number(read(`/proc/${thread}/schedstat`).split(' ', 1)[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** The threads of a process and its descendants. A thread's number is its process's, for the first. */
export function threadsOf(pid: number): readonly number[] {
  return processTree(pid).flatMap((member) => list(`/proc/${member}/task`).map(Number));
}

/** Resident memory of a process and its descendants; pages they share count for each. */
export function residentKibibytes(pid: number): number {
  const resident = processTree(pid).map((member) => {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${member}/status`))?.[1] ?? '0');
  });
  return resident.reduce((sum, each) => sum + each, 0);
}

/** The process and whatever it started, and they. */
function processTree(pid: number): readonly number[] {
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
