import type { ResponseHead } from '../../src/platform/http1/message-head.ts';
import type {
  ClientExchange,
  ClientFailure,
  ClientRequest,
  HttpClient,
  ResponseSink,
} from '../../src/platform/http1/response-sink.ts';

/** Writes down what an `HttpClient` tells, in the order of telling. */
export class RecordingSink implements ResponseSink {
  /** `head 200`, `data text`, `end`, `failure reset`, `read done`, `writable` */
  readonly told: string[] = [];
  head: ResponseHead | undefined;
  body = '';
  failure: ClientFailure | undefined;
  /** Resolves after the end or the failure. */
  readonly over: Promise<void>;
  /** What `onReadDone` says. */
  goesOn = true;
  /** Called after each telling. */
  onTold: (event: string) => void = () => undefined;
  #resolve: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onHead(head: ResponseHead): void {
    this.head = head;
    this.#tell(`head ${String(head.status)}`);
  }

  onData(bytes: Buffer, from: number, to: number): void {
    const text = bytes.toString('latin1', from, to);
    this.body += text;
    this.#tell(`data ${text}`);
  }

  onEnd(): void {
    this.#tell('end');
    this.#resolve();
  }

  onFailure(failure: ClientFailure): void {
    this.failure = failure;
    this.#tell(`failure ${failure}`);
    this.#resolve();
  }

  onReadDone(): boolean {
    this.#tell('read done');
    return this.goesOn;
  }

  onWritable(): void {
    this.#tell('writable');
  }

  /** Resolves when it has been told so. */
  async until(event: string): Promise<void> {
    if (this.told.includes(event)) return;
    const before = this.onTold;
    await new Promise<void>((resolve) => {
      this.onTold = (told) => {
        before(told);
        if (told === event) resolve();
      };
    });
  }

  #tell(event: string): void {
    this.told.push(event);
    this.onTold(event);
  }
}

export interface SentRequest {
  readonly sink: RecordingSink;
  readonly exchange: ClientExchange;
}

/** Sends a request with a head made to fit its body. */
export function sendTo(
  client: HttpClient,
  request: { method?: string; target?: string; body?: ClientRequest['body']; length?: number } = {},
  sink = new RecordingSink(),
): SentRequest {
  const { method = 'GET', target = '/mcp', body = 'none' } = request;
  const length = Buffer.isBuffer(body) ? body.length : request.length;
  const framing = length === undefined ? '' : `Content-Length: ${String(length)}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\nHost: upstream.example\r\n${framing}\r\n`;
  return { sink, exchange: client.send({ method, head, body }, sink) };
}

/** Sends a request and waits for the end of its answer. */
export async function call(
  client: HttpClient,
  request?: Parameters<typeof sendTo>[1],
): Promise<RecordingSink> {
  const { sink } = sendTo(client, request);
  await sink.over;
  return sink;
}
