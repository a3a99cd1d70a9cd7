import { watchFiles } from '../files/file-watch.ts';
import { PemFileError } from './pem-files.ts';

export interface PemWatchDeps<Value> {
  readonly files: readonly string[];
  /** Reads all of them. @throws PemFileError */
  readonly read: () => Value;
  readonly onChange: (value: Value) => void;
  /** The files are not acceptable now; what was read before stays in force. */
  readonly onRefused: (error: PemFileError) => void;
  readonly pollMilliseconds?: number;
}

export interface PemWatch<Value> {
  /** What the files held at the start. */
  readonly first: Value;
  /** Reads them now, whether they changed or not; never throws. */
  check(): void;
  close(): void;
}

/**
 * Reads PEM files, and again when one of them has changed and then stayed as it is: a certificate and its key are two
 * files, and between the writing of the two they do not fit.
 * @throws PemFileError when the files are not acceptable at the start
 */
export function watchPemFiles<Value>(deps: PemWatchDeps<Value>): PemWatch<Value> {
  const { files, read, onChange, onRefused, pollMilliseconds } = deps;
  const first = read();

  function take(): void {
    try {
      onChange(read());
    } catch (error) {
      if (!(error instanceof PemFileError)) throw error;
      onRefused(error);
    }
  }

  const watch = watchFiles({
    files: () => files,
    onChange: take,
    pollMilliseconds,
  });
  return { first, check: take, close: () => watch.close() };
}
