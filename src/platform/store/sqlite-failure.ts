/** SQLite's primary result codes that an operator can do something about.   @see https://www.sqlite.org/rescode.html */
const byResultCode: Readonly<Record<number, string>> = {
  5: 'the file is locked by another process',
  6: 'the file is locked by another process',
  8: 'the file is read-only',
  10: 'the disk reported an error',
  11: 'the file is damaged',
  13: 'the disk is full',
  14: 'the file cannot be opened',
  18: 'the value is too large',
  23: 'the file may not be accessed',
  26: 'the file is not a SQLite database',
};

const byErrorCode: Readonly<Record<string, string>> = {
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'the directory does not exist',
  EISDIR: 'the path is a directory',
  EACCES: 'the file may not be accessed',
  EPERM: 'the file may not be accessed',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ERR_INVALID_STATE: 'the store is closed',
};

/** What an operator should read about a failure of SQLite or of the file below it; undefined when it is neither's. */
export function describeSqliteFailure(error: unknown): string | undefined {
  const resultCode = findResultCode(error);
  if (resultCode !== undefined) return byResultCode[resultCode];
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? byErrorCode[error.code] : undefined;
}

/** Whether another process holds the file; trying again later may succeed. */
export function isLocked(error: unknown): boolean {
  const resultCode = findResultCode(error);
  return resultCode === 5 || resultCode === 6;
}

/** The primary result code: extended ones carry it in the low byte. */
function findResultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
