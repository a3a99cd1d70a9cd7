import type { IncomingMessage, ServerResponse } from 'node:http';

import type { RequestContext } from '../../platform/http/handler.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { formatRefusal, type Refusal } from './refusal.ts';
import { drainBody } from './request-body.ts';
import type { RpcPeek } from './rpc-peek.ts';

/** What is known of a call to the mount when it is over. */
export interface MountAccess {
  /** What was sent; 499 when the client was gone before anything was. */
  readonly status: number;
  /** Undefined unless the call was admitted. */
  readonly subject: string | undefined;
  readonly email: string | undefined;
  readonly rpc: RpcPeek | undefined;
  /** Why we, and not the upstream, answered. */
  readonly reason: RefusalReason | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

const clientGoneStatus = 499;

/** One request to the mount and all that is learned about it on its way. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: RequestContext;
  grant: GrantTerms | undefined;
  rpc: RpcPeek | undefined;
  requestBytes = 0;
  responseBytes = 0;
  #reason: RefusalReason | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, context: RequestContext) {
    this.request = request;
    this.response = response;
    this.context = context;
    // A client that breaks off is no error of ours, and `close` on the response says so anyway.
    request.on('error', ignore);
    response.on('error', ignore);
  }

  get isClientGone(): boolean {
    return this.response.destroyed;
  }

  /** @param headers name and value alternating */
  addHeaders(headers: readonly string[]): void {
    for (let index = 0; index + 1 < headers.length; index += 2) {
      this.response.setHeader(headers[index] as string, headers[index + 1] as string);
    }
  }

  /** Answers with a refusal, takes in what is left of the body, and keeps the connection. */
  refuse(refusal: Refusal, maxDrainBytes: number): void {
    this.#reason = refusal.reason;
    if (this.response.destroyed || this.response.headersSent) return;
    const { headers, body } = formatRefusal(refusal);
    this.addHeaders(headers);
    this.response.setHeader('Content-Length', Buffer.byteLength(body));
    this.response.writeHead(refusal.status);
    this.responseBytes = Buffer.byteLength(body);
    this.response.end(body);
    drainBody(this.request, maxDrainBytes);
  }

  summarise(): MountAccess {
    return {
      status: this.response.headersSent ? this.response.statusCode : clientGoneStatus,
      subject: this.grant?.subject,
      email: this.grant?.email,
      rpc: this.rpc,
      reason: this.#reason,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
    };
  }
}

function ignore(): void {
  // Nothing to do.
}
