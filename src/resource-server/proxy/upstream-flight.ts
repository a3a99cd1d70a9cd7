import type { ResponseHead } from '../../platform/http1/message-head.ts';
import type { ClientFailure } from '../../platform/http1/response-sink.ts';
import { EventRewriter } from './event-rewriter.ts';
import { EventStream } from './event-stream.ts';
import type { ForwardedCall, Route } from './forwarder.ts';
import { type AnswerFilter, findPassage, HeldAnswer, maxJudgedBytes } from './judged-answer.ts';
import { type CallListener, OutgoingCall } from './outgoing-call.ts';
import type { Refusal } from './refusal.ts';
import { findName } from './response-headers.ts';
import { type Failure, failures, failureOf, judgeAnswer } from './upstream-answer.ts';

/** How a call ended. `broken` is a failure after the head was sent: the client sees its connection cut. */
export type FlightEnd =
  | { readonly outcome: 'answered' }
  | { readonly outcome: 'client-gone' }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  | { readonly outcome: 'broken'; readonly failure: Failure };

const answered: FlightEnd = { outcome: 'answered' };
const clientGone: FlightEnd = { outcome: 'client-gone' };
const nothing: string[] = [];
/** Clients pass over it; whoever counts the silence on the way to them does not. */
const comment = Buffer.from(': keep-alive\n\n');

/**
 * One call in the upstream client's hands: takes the body to the upstream and the answer to the client, each as fast as
 * the other side reads, and lets go of the upstream as soon as the client is gone.
 */
export class UpstreamFlight implements CallListener {
  #call: ForwardedCall;
  readonly #route: Route;
  readonly #outgoing: OutgoingCall;
  #over = false;
  /** Where a redirect leads whose body is being thrown away. */
  #redirect: string | undefined;
  /** Where the mount has rules: an answer that waits for its end, or events that wait for theirs. */
  #filter: AnswerFilter | undefined;

  /** @param headers the header lines for the upstream */
  constructor(call: ForwardedCall, headers: string, route: Route) {
    this.#call = call;
    this.#route = route;
    this.#outgoing = new OutgoingCall(call, headers, route, this);
  }

  /** Sends the call: at once where it has no body or a long one, else when its body is whole. */
  start(wholeBodyBytes: number): void {
    const { caller } = this.#call.exchange;
    const { bodyBytes } = caller;
    if (bodyBytes === 0) this.#outgoing.launch('none');
    else if (bodyBytes !== undefined && bodyBytes <= wholeBodyBytes) caller.takeBody(this.#outgoing);
    else this.#outgoing.stream();
  }

  /** Sends the call when its body is whole, however long that is, and judged. */
  startWhole(): void {
    this.#call.exchange.caller.takeBody(this.#outgoing);
  }

  onBodyRefused(refusal: Refusal): void {
    this.#fail({ refusal, kind: undefined });
  }

  onBodyTooLarge(): void {
    this.#fail(failures.bodyTooLarge);
  }

  onWritable(): void {
    this.#call.exchange.caller.resumeBody();
  }

  onHead({ status, rawHeaders, framing }: ResponseHead): void {
    const { exchange } = this.#call;
    const { visited, isReplayable: replayable } = this.#outgoing;
    this.#redirect = this.#route.findRedirect({ status, rawHeaders, visited, replayable });
    if (this.#redirect !== undefined) return;
    const verdict = judgeAnswer(status, rawHeaders, this.#route.dropped);
    if (verdict.outcome === 'failed') {
      this.#fail(verdict.failure);
      return;
    }
    const { eventStream, isEncoded } = verdict.head;
    const headers = this.#showSession(verdict.head.headers);
    const { judged } = exchange;
    const passage = findPassage(judged, {
      status,
      rawHeaders,
      eventStream,
      hasBody: framing.kind !== 'none',
    });
    if (judged !== undefined && passage === 'refused') {
      this.#fail({ refusal: judged.unreadable, kind: 'malformed' });
      return;
    }
    if (judged !== undefined && passage === 'held') {
      this.#filter = new HeldAnswer(status, headers, (json) => judged.filter(json));
      return;
    }
    if (judged !== undefined && passage === 'events') {
      this.#filter = new EventRewriter((json) => judged.filter(json), maxJudgedBytes);
    }
    const bodyBytes = framing.kind === 'length' ? framing.bytes : framing.kind === 'none' ? 0 : undefined;
    for (const text of headers) exchange.headers.push(text);
    // Where there is none of it, a stream has no body either: a 204 with an end of chunks would begin the next answer.
    const length = eventStream && framing.kind !== 'none' ? undefined : bodyBytes;
    exchange.caller.writeHead(status, exchange.common, exchange.headers, length);
    if (!eventStream) return;
    exchange.stream = new EventStream(isEncoded);
    this.#route.watchStream(exchange);
    if (exchange.listens) this.#forgetBeginning();
  }

  /** @param headers name in lower case and value alternating */
  #showSession(headers: readonly string[]): readonly string[] {
    const at = findName(headers, 'mcp-session-id');
    const id = at === -1 ? '' : (headers[at + 1] ?? '');
    if (id === '') return headers;
    const { exchange, grant } = this.#call;
    return headers.with(at + 1, this.#route.showSession(exchange, grant, id));
  }

  onData(bytes: Buffer, from: number, to: number): void {
    if (this.#over || this.#redirect !== undefined) return;
    if (this.#filter === undefined) this.#pass(bytes, from, to);
    else this.#passAll(this.#filter.take(bytes, from, to));
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    const { exchange } = this.#call;
    const { stream } = exchange;
    const end = stream === undefined ? to : stream.take(bytes, from, to);
    exchange.responseBytes += end - from;
    exchange.caller.write(bytes, from, end);
    if (stream?.isEnding === true && stream.isBetweenEvents) this.#leave();
  }

  /** @param pieces what may go out; undefined: no more may */
  #passAll(pieces: readonly Buffer[] | undefined): void {
    const { stream } = this.#call.exchange;
    // The upstream has said something, whether or not it is whole.
    if (stream !== undefined) stream.silentLooks = 0;
    for (const piece of pieces ?? []) if (!this.#over) this.#pass(piece, 0, piece.length);
    if (pieces === undefined) this.#giveUp();
  }

  /** Lets go what was held; false when that must not be. */
  #release(): boolean {
    const filter = this.#filter;
    if (filter === undefined) return true;
    const rest = filter.end();
    if (rest !== undefined && filter.head !== undefined) {
      const { exchange } = this.#call;
      for (const text of filter.head.headers) exchange.headers.push(text);
      exchange.caller.writeHead(filter.head.status, exchange.common, exchange.headers, rest.length);
    }
    this.#passAll(rest && [rest]);
    return !this.#over;
  }

  /** The answer cannot be told: whoever waits for it hears so, where there is a way to. */
  #giveUp(): void {
    const { judged, caller, stream } = this.#call.exchange;
    if (this.#over || judged === undefined) return;
    const failure: Failure = { refusal: judged.unreadable, kind: 'malformed' };
    if (stream?.isBetweenEvents !== true || judged.apologies.length === 0) {
      this.#fail(failure);
      return;
    }
    this.#say(Buffer.from(judged.apologies.map((json) => `data: ${json}\n\n`).join('')));
    caller.end();
    caller.flush();
    this.#end({ outcome: 'broken', failure });
  }

  onEnd(): void {
    if (this.#over || this.#followRedirect() || !this.#release()) return;
    const { caller } = this.#call.exchange;
    caller.end();
    this.#end(answered);
    // The upstream has answered before it had the whole question.
    if (!this.#outgoing.isBodySent) caller.discardBody(2 * this.#route.maxBodyBytes);
  }

  onReadDone(): boolean {
    if (this.#redirect === undefined) return this.#call.exchange.caller.flush();
    // The body of a redirect is worth no wait: one that did not come with its head costs the connection.
    this.#outgoing.drop();
    this.#followRedirect();
    return true;
  }

  onFailure(failure: ClientFailure): void {
    // What breaks after the head of a redirect takes nothing away from it: no connection is used twice after an error.
    if (this.#over || this.#followRedirect()) return;
    this.#fail(failureOf(failure));
  }

  /** The client reads again. */
  resume(): void {
    this.#outgoing.resume();
  }

  onCallerGone(): void {
    this.#end(clientGone);
  }

  /** Ends the call before its time: the client's connection is cut, so that nobody takes the answer for complete. */
  abort(failure: Failure): void {
    this.#fail(failure);
  }

  /**
   * Ends a stream of events that the client will come back for, once no event is under way: half an event is lost to
   * its client, or taken for a whole one. How long that may take is for the caller to say, and to end with a cut.
   * @param farewell an event of ours to end with, or nothing
   */
  finish(farewell = ''): void {
    if (this.#over || this.#call.exchange.stream?.end(farewell) === false) return;
    this.#leave();
  }

  /** Says that the connection is alive, where that cannot be taken for a part of an event. */
  keepAlive(): void {
    const { caller, stream } = this.#call.exchange;
    // A client that does not read has enough to read.
    if (this.#over || stream?.isBetweenEvents !== true || !caller.flush()) return;
    stream.quietLooks = 0;
    this.#say(comment);
  }

  /** The upstream has said nothing for longer than it may. */
  onSilence(): void {
    const { listens, stream } = this.#call.exchange;
    if (listens && stream?.isBetweenEvents === true) this.finish();
    else this.#fail(failures.timeout);
  }

  #forgetBeginning(): void {
    const { exchange } = this.#call;
    this.#call = { ...this.#call, target: '' };
    this.#outgoing.forget();
    exchange.judged?.forgetHead();
    exchange.headers = nothing;
    exchange.caller.forgetRequest();
  }

  #leave(): void {
    const { caller, stream } = this.#call.exchange;
    if (stream?.isEnding === true && stream.farewell !== '') this.#say(Buffer.from(stream.farewell ?? ''));
    caller.end();
    caller.flush();
    this.#end(clientGone);
  }

  /** Something of our own, at once. */
  #say(bytes: Buffer): void {
    const { exchange } = this.#call;
    exchange.responseBytes += bytes.length;
    exchange.caller.write(bytes, 0, bytes.length);
    exchange.caller.flush();
  }

  /** Sends the call on after a redirect; false when there was none. */
  #followRedirect(): boolean {
    const target = this.#redirect;
    if (target === undefined) return false;
    this.#redirect = undefined;
    this.#outgoing.send(target);
    return true;
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    const { caller } = this.#call.exchange;
    if (!caller.isHeadSent) {
      this.#end({ outcome: 'failed', failure });
      return;
    }
    this.#end({ outcome: 'broken', failure });
    caller.destroy();
  }

  #end(end: FlightEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#outgoing.close();
    if (end !== answered) this.#outgoing.drop();
    this.#call.onEnd(this.#call.exchange, end);
  }
}
