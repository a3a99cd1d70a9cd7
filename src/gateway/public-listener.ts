import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import type { InFlight } from './in-flight.ts';

/** Limits of the listener; everything beyond them is cut by node:http before we see it. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 75_000;
const maxHeaderBytes = 16 * 1024;

type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

export interface PublicListenerDeps {
  readonly inFlight: InFlight;
  readonly isDraining: () => boolean;
  /** What answers, once it is there. */
  readonly findAnswer: () => AnswerRequest | undefined;
  /** Waits for it. Rejects when the start failed; the process is about to end then. */
  readonly awaitAnswer: () => Promise<AnswerRequest>;
}

/**
 * The public server. It is bound before the rooms behind it are loaded: a liveness probe is answered from the first
 * moment, any other early request waits for them.
 */
export function createPublicListener(deps: PublicListenerDeps): Server {
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      requireHostHeader: true,
      noDelay: true,
    },
    (request, response) => {
      deps.inFlight.track(request, response);
      if (deps.isDraining()) response.setHeader('Connection', 'close');
      const answer = deps.findAnswer();
      if (answer !== undefined) {
        answer(request, response);
      } else if (request.url === '/healthz' && request.method === 'GET') {
        response.end();
      } else {
        deps.awaitAnswer().then(
          (late) => {
            late(request, response);
          },
          () => response.destroy(),
        );
      }
    },
  );
  // Every header line reaches the rule that counts them.
  server.maxHeadersCount = 0;
  return server;
}
