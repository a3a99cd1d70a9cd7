import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** In place of the desktop's `xdg-open`: whatever a program opens is told here, and nobody's browser starts. */
export interface OpenedUrls {
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

const pollMs = 100;

export function watchOpenedUrls(folder: string, onUrl: (url: string) => void): OpenedUrls {
  const programs = join(folder, 'programs');
  const list = join(folder, 'opened');
  mkdirSync(programs, { recursive: true });
  // A start before this one may have left its own.
  writeFileSync(list, '');
  const script = `#!/bin/sh\nprintf '%s\\n' "$1" >> '${list}'\n`;
  const opener = join(programs, 'xdg-open');
  writeFileSync(opener, script, { mode: 0o755 });
  let seen = 0;
  const timer = setInterval(() => {
    const urls = readFileSync(list, 'utf8').split('\n').slice(0, -1);
    for (const url of urls.slice(seen)) onUrl(url);
    seen = urls.length;
  }, pollMs);
  return {
    // Some bring a script of their own, which asks BROWSER; the others look for one in PATH.
    env: {
      PATH: `${programs}:${process.env['PATH'] ?? ''}`,
      BROWSER: opener,
      DISPLAY: '',
      WAYLAND_DISPLAY: '',
    },
    close: () => clearInterval(timer),
  };
}
