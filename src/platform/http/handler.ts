/** What a handler knows of a request beyond the request: made once, by the listener. */
export interface RequestContext {
  readonly requestId: string;
  /** The peer, or the address a trusted proxy vouched for. */
  readonly clientAddress: string;
}

/** The shape of every endpoint but the proxied path. A refusal is thrown, never formatted by the handler. */
export type Handler = (request: Request, context: RequestContext) => Promise<Response>;
