import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const version = '26.7.3';
const sha256 = '27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f';
const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`;
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const attempts = 3;
const folder = join(import.meta.dirname, '..', '..', '..', '.cache', 'keycloak');

/**
 * Keycloak's server as its makers distribute it, out of Maven Central and checked; kept for the next time. Returns the
 * folder it is in.
 *
 * @throws Error when Maven or the archive cannot be had, or the archive is another
 */
export function fetchKeycloak(): string {
  const home = join(folder, `keycloak-${version}`);
  if (existsSync(join(home, 'version.txt'))) return home;
  // Nothing of a fetch that broke off: the plugin leaves marks of what it believes to have done.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`fetching Keycloak ${version} (160 MB) from Maven Central`);
  runMaven(`${plugin}:copy`, `-DoutputDirectory=${folder}`);
  const archive = join(folder, `keycloak-quarkus-dist-${version}.zip`);
  const found = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (found !== sha256) throw new Error(`${archive} has the SHA-256 ${found}, and not ${sha256}`);
  runMaven(`${plugin}:unpack`, `-DoutputDirectory=${folder}`);
  return home;
}

/** Tries again: a download of this size breaks off now and then. */
function runMaven(...words: readonly string[]): void {
  const command = ['--batch-mode', '--quiet', ...words, `-Dartifact=${artifact}`];

  for (let attempt = 1; ; attempt += 1) {
    try {
      execFileSync('mvn', command, {
        cwd: folder,
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 300_000,
      });
      return;
    } catch (cause) {
      const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
      if (isMissing) throw new Error('Maven is missing: install the package "maven"', { cause });
      if (attempt === attempts) throw new Error(`Maven failed ${attempts} times`, { cause });
    }
  }
}
