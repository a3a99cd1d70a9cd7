import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/** How an https origin is checked, and what we show it. There is no way not to check it. */
export interface ClientTls {
  /** PEM; instead of the well-known authorities. */
  readonly ca?: readonly string[];
  /** PEM, with the chain: the certificate shown to the upstream. */
  readonly cert?: string;
  /** PEM, of `cert`. */
  readonly key?: string;
  /** The name to ask for and to find in the certificate, where it is not the origin's. Not an address. */
  readonly servername?: string;
}

export interface DialOptions extends Partial<DialTlsOptions> {
  readonly host: string;
  readonly port: number;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly onread: OnReadOpts;
  readonly session?: Buffer;
}

interface DialTlsOptions {
  readonly secureContext: SecureContext;
  readonly servername?: string;
  readonly ALPNProtocols: string[];
  readonly rejectUnauthorized: true;
}

/** Starts a connection. Stands for `net.connect` and `tls.connect`, which are taken when nothing else is handed in. */
export type Connect = (options: DialOptions) => Socket;

export interface Dialer {
  /** From the next connection on. @throws when a certificate or a key cannot be read */
  replaceTls(tls: ClientTls): void;
  /** Whether it is we who would not have the connection: the certificate of the peer does not hold. */
  isDistrusted(socket: Socket): boolean;
  /** TLS, which says how it ends: but Node does not pass it on. */
  readonly isSecure: boolean;
  /** Told by the socket when a request may be sent. */
  readonly readyEvent: 'connect' | 'secureConnect';
  /** @param onRead called with the count of bytes at the front of a buffer shared by all; false: read no more */
  dial(onRead: (count: number, bytes: Buffer) => boolean): Socket;
}

export interface DialerOptions {
  readonly origin: Pick<URL, 'protocol' | 'hostname' | 'port'>;
  /** Silence after which the peer is asked for a sign of life; 0: never. Default 30 s. */
  readonly aliveProbeMs?: number | undefined;
  readonly tls?: ClientTls | undefined;
  readonly connect?: Connect | undefined;
}

const readBufferBytes = 64 * 1024;
const defaultAliveProbeMs = 30_000;

/** @throws when a certificate or a key cannot be read */
export function createDialer({ origin, aliveProbeMs, tls, connect }: DialerOptions): Dialer {
  const isSecure = origin.protocol === 'https:';
  // One for all connections: what a read brought is told before the next one begins.
  const buffer = Buffer.allocUnsafeSlow(readBufferBytes);
  const host = origin.hostname.replace(/^\[|\]$/g, '');
  const shared = {
    host,
    port: Number(origin.port) || (isSecure ? 443 : 80),
    noDelay: true,
    // A stream may be silent for hours: this is how a host that is gone is told from a silent one.
    keepAlive: aliveProbeMs !== 0,
    keepAliveInitialDelay: aliveProbeMs ?? defaultAliveProbeMs,
  };
  if (!isSecure) {
    const dialTcp = connect ?? connectTcp;
    return {
      isSecure,
      readyEvent: 'connect',
      replaceTls: () => {},
      isDistrusted: () => false,
      dial: (callback) => dialTcp({ ...shared, onread: { buffer, callback } }),
    };
  }
  const dialTls = connect ?? connectTls;
  let secured = { ...shared, ...tlsOptions(host, tls) };
  let session: Buffer | undefined;
  return {
    isSecure,
    readyEvent: 'secureConnect',
    replaceTls(latest) {
      secured = { ...shared, ...tlsOptions(host, latest) };
      // It would go on as whom the former certificate made us.
      session = undefined;
    },
    // Node sets it when the certificate was looked at and found wanting, and to no more than null before.
    isDistrusted: (socket) => socket instanceof TLSSocket && Boolean(socket.authorizationError),
    dial(callback) {
      const socket = dialTls({
        ...secured,
        ...(session === undefined ? {} : { session }),
        onread: { buffer, callback },
      });
      // Told only of sessions whose certificate was found good.
      const context = secured.secureContext;
      socket.on('session', (latest: Buffer) => {
        if (context === secured.secureContext) session = latest;
      });
      return socket;
    },
  };
}

function tlsOptions(host: string, tls: ClientTls = {}): DialTlsOptions {
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    secureContext: createSecureContext({
      ...(tls.ca === undefined ? {} : { ca: [...tls.ca] }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    }),
    ...(servername === undefined ? {} : { servername }),
    ALPNProtocols: ['http/1.1'],
    // Said, or else NODE_TLS_REJECT_UNAUTHORIZED could say otherwise.
    rejectUnauthorized: true,
  };
}
