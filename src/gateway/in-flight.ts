import type { IncomingMessage, ServerResponse } from 'node:http';

/** The requests that are being answered right now, so that a shutdown can wait for them. */
export interface InFlight {
  track(request: IncomingMessage, response: ServerResponse): void;
  readonly count: number;
  /** Ends event streams that clients hold open to listen (GET): they reconnect elsewhere; nothing is lost in them. */
  endListeningStreams(): void;
  /** Resolves when nothing is in flight. */
  drained(): Promise<void>;
}

export function createInFlight(): InFlight {
  const responses = new Map<ServerResponse, string>();
  const waiting: (() => void)[] = [];
  return {
    track(request, response) {
      responses.set(response, request.method ?? 'GET');
      response.once('close', () => {
        responses.delete(response);
        if (responses.size === 0) for (const resolve of waiting.splice(0)) resolve();
      });
    },
    get count() {
      return responses.size;
    },
    endListeningStreams() {
      for (const [response, method] of responses) {
        const type = String(response.getHeader('content-type') ?? '');
        if (method === 'GET' && type.startsWith('text/event-stream')) response.end();
      }
    },
    drained() {
      return responses.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          });
    },
  };
}
