import type { ServerResponse } from 'node:http';

import type { Dispatcher } from 'undici';

import { classifyError, type Failure, failures, judgeAnswer } from './upstream-answer.ts';

/** How a call ended. `broken` is a failure after the head was sent: the client sees its connection cut. */
export type FlightEnd =
  | { readonly outcome: 'answered' }
  | { readonly outcome: 'client-gone' }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  | { readonly outcome: 'broken'; readonly failure: Failure };

export interface FlightDeps {
  readonly response: ServerResponse;
  readonly headerTimeoutSeconds: number;
  readonly onResponseBytes: (count: number) => void;
  /**
   * Told of every answer's head. Undefined when it is the answer; else what sends the call on, with this flight as its
   * handler again. That is called when the upstream is done with the redirect.
   */
  readonly followRedirect: (status: number, rawHeaders: readonly string[]) => (() => void) | undefined;
  /** Called once. After `failed` the response is still to be written. */
  readonly onEnd: (end: FlightEnd) => void;
}

/** Of a redirect's body so much is read to keep the connection; a longer one costs it. */
const maxDiscardedBytes = 16 * 1024;

/**
 * One call in the upstream client's hands: streams the answer to the client with back-pressure, and lets go of the
 * upstream as soon as the client is gone, before the head as well as in mid-stream.
 */
export class UpstreamFlight implements Dispatcher.DispatchHandler {
  readonly #deps: FlightDeps;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  /** Set while the body of a redirect that is to be followed is thrown away. */
  #follow: (() => void) | undefined;
  #discardedBytes = 0;

  constructor(deps: FlightDeps) {
    this.#deps = deps;
    deps.response.once('close', () => {
      this.#end({ outcome: 'client-gone' });
    });
    this.#timer = setTimeout(() => {
      this.#fail(failures.timeout);
    }, deps.headerTimeoutSeconds * 1000);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Ends the call before its time: the client's connection is cut, so that nobody takes it for complete. */
  abort(failure: Failure): void {
    this.#fail(failure);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('the call is over'));
  }

  /** A body that is still going up is not a server that does not answer. */
  onBodySent(): void {
    this.#timer?.refresh();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const rawHeaders = decodeHeaders(controller.rawHeaders);
    this.#follow = this.#deps.followRedirect(status, rawHeaders);
    if (this.#follow !== undefined) return;
    const verdict = judgeAnswer(status, rawHeaders);
    if (verdict.outcome === 'failed') {
      this.#fail(verdict.failure);
      return;
    }
    clearTimeout(this.#timer);
    const { response } = this.#deps;
    const { headers } = verdict.head;
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = headers[index] as string;
      // Ours says `Origin`; both must be said.
      if (name === 'vary') response.appendHeader(name, headers[index + 1] as string);
      else response.setHeader(name, headers[index + 1] as string);
    }
    response.writeHead(status);
    response.on('drain', () => {
      controller.resume();
    });
    // Without a length the first byte may be long in coming; the client wants to know that it is connected.
    if (!response.hasHeader('content-length')) response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (this.#follow !== undefined) {
      this.#discard(controller, chunk);
      return;
    }
    this.#deps.onResponseBytes(chunk.length);
    if (this.#deps.response.writableEnded) {
      this.#end({ outcome: 'client-gone' });
      return;
    }
    if (!this.#deps.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over || this.#goOn()) return;
    this.#deps.response.end();
    this.#end({ outcome: 'answered' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // What breaks after the head of a redirect takes nothing away from it: no connection is used twice after an error.
    if (this.#over || this.#goOn()) return;
    this.#fail(classifyError(error, this.#controller !== undefined));
  }

  #discard(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#discardedBytes += chunk.length;
    // Comes back as an error, and goes on from there.
    if (this.#discardedBytes > maxDiscardedBytes) controller.abort(new Error('the redirect is too long'));
  }

  /** Sends the call on after a redirect; false when there was none. */
  #goOn(): boolean {
    const follow = this.#follow;
    if (follow === undefined) return false;
    this.#follow = undefined;
    this.#discardedBytes = 0;
    this.#controller = undefined;
    follow();
    return true;
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    if (!this.#deps.response.headersSent) {
      this.#end({ outcome: 'failed', failure });
      return;
    }
    this.#end({ outcome: 'broken', failure });
    this.#deps.response.destroy();
  }

  #end(end: FlightEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (end.outcome !== 'answered') this.#controller?.abort(new Error('the call is over'));
    this.#deps.onEnd(end);
  }
}

/** Header bytes as characters, one to one: what is passed on is what came. */
function decodeHeaders(raw: Dispatcher.DispatchController['rawHeaders']): readonly string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
