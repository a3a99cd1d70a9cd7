/** What is wrong with a file that could not be read, to be read after `names a file that`. */
interface Unreadable {
  readonly what: string;
  readonly fix: string;
}

const known: Readonly<Record<string, Unreadable>> = {
  ENOENT: {
    what: 'is not there',
    fix: 'correct the path: a relative one begins where the process was started',
  },
  ENOTDIR: { what: 'is not there', fix: 'correct the path: a part of it is a file, and no folder' },
  EACCES: {
    what: 'may not be read by this process',
    fix: 'let the user of the process read it, and enter each folder above',
  },
  EPERM: { what: 'may not be read by this process', fix: 'let the user of the process read it' },
  EISDIR: { what: 'is a folder', fix: 'name a file in it' },
};

const other: Unreadable = {
  what: 'cannot be read',
  fix: 'check that the file exists and that this process may read it',
};

/** By the code that the system gave; nothing else of the error is for people. */
export function describeUnreadable(error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return known[code] ?? other;
}
