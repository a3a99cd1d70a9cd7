import { Connection, type ConnectionHome } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import { type ClientTls, type Connect, createDialer, type Dialer } from './dial.ts';
import { Exchange } from './exchange.ts';
import type { ClientExchange, ClientRequest, HttpClient, ResponseSink } from './response-sink.ts';
import { Sweep } from './sweep.ts';

export interface HttpClientOptions {
  /** `http:` or `https:`; a `URL` will do. */
  readonly origin: Pick<URL, 'protocol' | 'hostname' | 'port'>;
  /** With the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** From the last byte of the body on. Also how long the upstream may take no byte of it. */
  readonly headerTimeoutMs: number;
  /** For how long a connection is kept without a request; the upstream's `Keep-Alive: timeout` shortens it. Default 4 s. */
  readonly idleTimeoutMs?: number;
  /** Idle connections kept. Default 256. */
  readonly maxIdle?: number;
  /** Of a response's head. Default 16 KiB. */
  readonly maxHeadBytes?: number;
  /** Silence after which the kernel asks the upstream for a sign of life. 0: never. Default 30 s. */
  readonly aliveProbeMs?: number;
  readonly tls?: ClientTls;
  /** Default: `net.connect`, `tls.connect`. */
  readonly connect?: Connect;
}

/** A client whose certificates can change. */
export interface PooledHttpClient extends HttpClient {
  /** From the next connection on; those that are there stay. @throws when a certificate or a key cannot be read */
  replaceTls(tls: ClientTls): void;
}

const defaultIdleTimeoutMs = 4_000;
const defaultMaxIdle = 256;
const defaultMaxHeadBytes = 16 * 1024;

/**
 * A client for one origin, without a limit on its connections: each open stream holds one, and calls must not wait behind
 * them. The connection used last is taken first, so that the others can go idle and be closed.
 *
 * No request is sent twice that may have been carried out: one without a body whose method may be repeated is sent again,
 * once and on a new connection, when an idle connection turns out to be dead; every other fails with `reset`.
 *
 * An answer over TLS whose body reaches to the end of the connection ends with `reset`, since it cannot be known whether
 * it is whole.
 * @throws when a certificate or a key in `tls` cannot be read
 * @see RFC 9112 §9
 */
export function createHttpClient(options: HttpClientOptions): PooledHttpClient {
  return new PooledClient(options);
}

class PooledClient implements PooledHttpClient, ConnectionHome {
  readonly dialer: Dialer;
  readonly sweep = new Sweep<Connection>();
  readonly deadlines: Deadlines<Connection>;
  readonly maxHeadBytes: number;
  readonly #maxIdle: number;
  readonly #idle: Connection[] = [];
  #isClosed = false;

  constructor(options: HttpClientOptions) {
    const { connectTimeoutMs, headerTimeoutMs } = options;
    const { origin, aliveProbeMs, tls, connect } = options;
    this.dialer = createDialer({ origin, aliveProbeMs, tls, connect });
    const idleTimeoutMs = options.idleTimeoutMs ?? defaultIdleTimeoutMs;
    this.deadlines = new Deadlines(this.sweep, { connectTimeoutMs, headerTimeoutMs, idleTimeoutMs });
    this.maxHeadBytes = options.maxHeadBytes ?? defaultMaxHeadBytes;
    this.#maxIdle = options.maxIdle ?? defaultMaxIdle;
  }

  send(request: ClientRequest, sink: ResponseSink): ClientExchange {
    const exchange = new Exchange(request, sink);
    if (this.#isClosed) process.nextTick(failClosed, exchange);
    else (this.#idle.pop() ?? new Connection(this)).carry(exchange);
    return exchange;
  }

  replaceTls(tls: ClientTls): void {
    this.dialer.replaceTls(tls);
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.sweep.members) connection.cut();
  }

  onIdle(connection: Connection): void {
    if (this.#isClosed || this.#idle.length >= this.#maxIdle) connection.destroy();
    else this.#idle.push(connection);
  }

  onGone(connection: Connection): void {
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  onStale(exchange: Exchange): void {
    if (this.#isClosed) exchange.fail('reset');
    else new Connection(this).carry(exchange);
  }
}

function failClosed(exchange: Exchange): void {
  exchange.fail('reset');
}
