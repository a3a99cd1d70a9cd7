import { Agent, type Dispatcher } from 'undici';

/** PEM, fit for TLS. */
export interface ShownCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface DirectDispatcherOptions {
  /** The deadline of whoever asks, over everything. */
  readonly totalTimeoutMs: number;
  /** Shown to every peer that asks for one. Default: none. */
  readonly certificate?: ShownCertificate;
  /** In place of the authorities that Node brings along, in PEM. */
  readonly ca?: string | undefined;
}

const maxHeaderBytes = 16 * 1024;

/** A connection of its own per request, HTTP/1.1, no proxy, and the peer's certificate checked. */
export function createDirectDispatcher({ totalTimeoutMs, certificate, ca }: DirectDispatcherOptions): Agent {
  return new Agent({
    allowH2: false,
    // No connection is kept: a kept one that the peer closes meanwhile breaks a request that cannot be repeated.
    pipelining: 0,
    maxHeaderSize: maxHeaderBytes,
    // The total deadline stands for both of these.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      // Later than the deadline, which ends the request but not an attempt to connect.
      timeout: totalTimeoutMs + 1_000,
      // Said, since the environment could say otherwise.
      ...(certificate === undefined ? {} : { ...certificate, rejectUnauthorized: true }),
      ...(ca === undefined ? {} : { ca }),
    },
  });
}

/** Dispatchers that show the certificate as it is now: another one from the first request after it was replaced. */
export function createCertifiedDispatcher(
  current: () => ShownCertificate,
  options: Omit<DirectDispatcherOptions, 'certificate'>,
): () => Dispatcher {
  let made: { readonly of: ShownCertificate; readonly dispatcher: Dispatcher } | undefined;
  return () => {
    const certificate = current();
    if (made?.of !== certificate) {
      const { cert, key } = certificate;
      const dispatcher = createDirectDispatcher({ ...options, certificate: { cert, key } });
      made = { of: certificate, dispatcher };
    }
    return made.dispatcher;
  };
}
