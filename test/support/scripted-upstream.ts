import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** One connection that a client made. */
export class ScriptedConnection {
  readonly socket: Socket;
  /** Everything received, latin1. */
  received = '';
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Each byte in a packet of its own, as far as the kernel plays along. */
  async sendByteWise(text: string): Promise<void> {
    for (const byte of text) {
      this.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** What to do when a head has come. @param number of the request over all connections, from 0 */
export type Script = (connection: ScriptedConnection, number: number) => unknown;

/** A TCP server that records what it is sent and answers with whatever bytes its script says, right or wrong. */
export class ScriptedUpstream {
  readonly connections: ScriptedConnection[] = [];
  requests = 0;
  readonly #server: Server;
  readonly #isSecure: boolean;

  private constructor(script: Script, tls: TlsOptions | undefined, onConnection?: Script) {
    const serve = (socket: Socket): void => {
      const connection = new ScriptedConnection(socket);
      this.connections.push(connection);
      void onConnection?.(connection, this.connections.length - 1);
      let heads = 0;
      socket.on('data', (bytes: Buffer) => {
        connection.received += bytes.toString('latin1');
        for (const seen = connection.received.split('\r\n\r\n').length - 1; heads < seen; heads += 1) {
          this.requests += 1;
          void script(connection, this.requests - 1);
        }
      });
    };
    this.#isSecure = tls !== undefined;
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    this.#server.on('tlsClientError', () => undefined);
  }

  static async listen(
    script: Script,
    options: { tls?: TlsOptions; host?: string; onConnection?: Script } = {},
  ): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(script, options.tls, options.onConnection);
    await new Promise<void>((resolve, reject) => {
      upstream.#server.once('error', reject);
      upstream.#server.listen(0, options.host ?? '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): URL {
    return new URL(`${this.#isSecure ? 'https' : 'http'}://127.0.0.1:${String(this.port)}`);
  }

  get open(): ScriptedConnection[] {
    return this.connections.filter((connection) => !connection.isClosed);
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
