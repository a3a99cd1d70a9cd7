/**
 * What Node's own strict parser makes of bytes, by way of `node:http` over connections in memory. Every method waits
 * for as many turns of the event loop as Node needs to have said all that it will say.
 */
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { Duplex } from 'node:stream';

/** As our own listener has it. */
const maxHeaderSize = 16 * 1024;
const settlingTurns = 8;

export interface ParsedRequest {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly keepAlive: boolean;
  body: string;
  isWhole: boolean;
}

export interface ParsedRequests {
  readonly requests: readonly ParsedRequest[];
  /** llhttp's code for what it refused, if it did. */
  readonly failure: string | undefined;
}

export interface ParsedResponse {
  readonly status: number | undefined;
  readonly rawHeaders: readonly string[];
  body: string;
  isWhole: boolean;
}

export interface ParsedResponses {
  readonly interim: readonly { readonly status: number; readonly rawHeaders: readonly string[] }[];
  readonly response: ParsedResponse | undefined;
  readonly keepAlive: boolean;
  readonly failure: string | undefined;
}

/** Its server listens nowhere. */
export class NodeRequestParser {
  readonly #server: Server;
  readonly #parsed = new WeakMap<Duplex, { requests: ParsedRequest[]; failure: string | undefined }>();

  constructor() {
    this.#server = createServer({ maxHeaderSize, requireHostHeader: false }, (message, response) => {
      const parsed: ParsedRequest = {
        method: message.method,
        target: message.url,
        rawHeaders: message.rawHeaders,
        keepAlive: response.shouldKeepAlive,
        body: '',
        isWhole: false,
      };
      collect(message, parsed);
      this.#parsed.get(message.socket)?.requests.push(parsed);
      message.on('end', () => response.end());
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on('clientError', (error, socket) => {
      const parsed = this.#parsed.get(socket);
      if (parsed !== undefined) parsed.failure ??= codeOf(error);
      socket.destroy();
    });
  }

  async parse(bytes: Buffer): Promise<ParsedRequests> {
    const wire = new Wire();
    const parsed = { requests: [], failure: undefined };
    this.#parsed.set(wire, parsed);
    this.#server.emit('connection', wire);
    wire.push(bytes);
    await settle();
    wire.destroy();
    return parsed;
  }
}

/** @param isOver whether the connection ends after the pieces, each of which is one read */
export async function parseResponsesByNode(
  method: string,
  pieces: readonly Buffer[],
  isOver: boolean,
): Promise<ParsedResponses> {
  const wire = new Wire();
  const interim: ParsedResponses['interim'][number][] = [];
  const parsed: { response: ParsedResponse | undefined; failure: string | undefined } = {
    response: undefined,
    failure: undefined,
  };
  const outgoing = request({ method, host: 'a.test', maxHeaderSize, createConnection: () => wire });
  outgoing.shouldKeepAlive = true;
  outgoing.on('error', (error) => (parsed.failure ??= codeOf(error)));
  outgoing.on('information', ({ statusCode, rawHeaders }) =>
    interim.push({ status: statusCode, rawHeaders }),
  );
  outgoing.on('response', (message) => {
    parsed.response = {
      status: message.statusCode,
      rawHeaders: message.rawHeaders,
      body: '',
      isWhole: false,
    };
    collect(message, parsed.response);
  });
  outgoing.on('upgrade', (message) => {
    const { statusCode: status, rawHeaders } = message;
    parsed.response = { status, rawHeaders, body: '', isWhole: true };
  });
  outgoing.end();
  await turn();
  for (const piece of pieces) wire.push(piece);
  if (isOver) wire.push(null);
  await settle();
  const result = { ...parsed, interim, keepAlive: outgoing.shouldKeepAlive };
  outgoing.destroy();
  wire.destroy();
  return result;
}

class Wire extends Duplex {
  override _read(): void {
    // Bytes come by `push` alone.
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

function collect(message: IncomingMessage, into: { body: string; isWhole: boolean }): void {
  message.setEncoding('latin1');
  message.on('data', (piece: string) => (into.body += piece));
  message.on('end', () => (into.isWhole = message.complete));
  message.on('error', () => undefined);
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

async function settle(): Promise<void> {
  for (let count = 0; count < settlingTurns; count += 1) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
