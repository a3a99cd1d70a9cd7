import type { RequestContext } from '../../platform/http/handler.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { AdmittedCall } from '../admission/admit.ts';
import type { JudgedCall } from '../policy/call-judge.ts';
import type { Caller, CallerListener } from './caller.ts';
import type { HeaderBlock } from './header-block.ts';
import type { EventStream } from './event-stream.ts';
import { formatRefusal, type Refusal } from './refusal.ts';
import type { RpcPeek } from './rpc-peek.ts';
import type { BoundSession } from './session-binding.ts';
import type { UpstreamFlight } from './upstream-flight.ts';

/** What is known of a call to the mount when it is over. */
export interface MountAccess {
  readonly method: string;
  readonly target: string;
  /** What was sent; 499 when the client was gone before anything was. */
  readonly status: number;
  readonly durationMs: number;
  /** Undefined unless the call was admitted. */
  readonly subject: string | undefined;
  readonly email: string | undefined;
  readonly rpc: RpcPeek | undefined;
  /** Why we, and not the upstream, answered. */
  readonly reason: RefusalReason | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** One request to the mount and all that is learned about it on its way. */
export class Exchange implements CallerListener {
  readonly caller: Caller;
  readonly context: RequestContext;
  /** Headers of every answer to the mount. */
  readonly common: HeaderBlock;
  /** Headers of every answer to this call, name and value alternating. */
  headers: string[];
  readonly startedAt = performance.now();
  /** Set when the call was admitted. */
  admitted: AdmittedCall | undefined;
  /** Set when the mount has rules. */
  judged: JudgedCall | undefined;
  /** The session of the upstream that the call is about; undefined: none, or nobody minds whose it is. */
  session: BoundSession | undefined;
  flight: UpstreamFlight | undefined;
  /** Gives back the place among the person's calls. */
  release: (() => void) | undefined;
  rpc: RpcPeek | undefined;
  /** Asked for to be told of what happens, and for nothing that has an end. */
  listens = false;
  /** Set when the answer turned out to be a stream of events. */
  stream: EventStream | undefined;
  /** The last byte is out, or the client is gone. */
  isOver = false;
  requestBytes = 0;
  responseBytes = 0;
  reason: RefusalReason | undefined;
  readonly #onOver: (exchange: Exchange) => void;

  /** @param onOver called once, when the last byte of the answer is out or the client is gone */
  constructor(
    caller: Caller,
    context: RequestContext,
    common: HeaderBlock,
    onOver: (exchange: Exchange) => void,
  ) {
    this.caller = caller;
    this.context = context;
    this.common = common;
    this.headers = ['X-Request-Id', context.requestId];
    this.#onOver = onOver;
  }

  onDrain(): void {
    this.flight?.resume();
  }

  onClose(): void {
    this.isOver = true;
    this.flight?.onCallerGone();
    this.#onOver(this);
  }

  /** Answers with a refusal, takes in what is left of the body, and keeps the connection. */
  refuse(refusal: Refusal, maxDiscardedBytes: number): void {
    this.reason = refusal.reason;
    const { caller } = this;
    if (caller.isEnded || caller.isHeadSent) return;
    const { headers, body } = formatRefusal(refusal);
    const bytes = Buffer.from(body);
    this.responseBytes = bytes.length;
    caller.writeHead(refusal.status, this.common, [...this.headers, ...headers], bytes.length);
    caller.write(bytes, 0, bytes.length);
    // Before the last byte is out: afterwards nobody asks this call any more what its client may still send.
    caller.discardBody(maxDiscardedBytes);
    caller.end();
    caller.flush();
  }

  summarise(): MountAccess {
    const { caller, admitted } = this;
    return {
      method: caller.method,
      target: caller.target,
      status: caller.status,
      durationMs: performance.now() - this.startedAt,
      subject: admitted?.grant.subject,
      email: admitted?.grant.email,
      rpc: this.rpc,
      reason: this.reason,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
    };
  }
}
