import type { ConfigWarning } from './config.ts';

/** The first release of each supported line with the fix for the advisory below. Raising the floor is a change here. */
const floors: ReadonlyArray<{ readonly major: number; readonly minor: number; readonly patch: number }> = [
  { major: 24, minor: 22, patch: 1 },
  { major: 26, minor: 12, patch: 1 },
];
const advisory = 'CVE-2026-111497';

/**
 * A warning when this Node (`24.21.0`, with or without `v`) is older than the security floor, or of a line that gets
 * no fixes; undefined otherwise.
 */
export function findNodeVersionWarning(version: string): ConfigWarning | undefined {
  if (isAtFloor(version)) return undefined;
  const wanted = floors.map(({ major, minor, patch }) => `${major}.${minor}.${patch}`).join(' or ');
  return {
    event: 'node_version_outdated',
    message:
      `Node ${version.replace(/^v/, '')} has ${advisory} (remote code execution in the bundled Brotli decoder): ` +
      `use ${wanted} or later; no inbound compression is decoded here, so this process does not feed that decoder`,
  };
}

function isAtFloor(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split(/[.+-]/).map(Number);
  const newest = floors.at(-1);
  if (newest !== undefined && major > newest.major) return true;
  const floor = floors.find((candidate) => candidate.major === major);
  if (floor === undefined) return false;
  return minor > floor.minor || (minor === floor.minor && patch >= floor.patch);
}
