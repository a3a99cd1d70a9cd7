import { createServer, request as sendRequest, type OutgoingHttpHeaders } from 'node:http';

/** A forwarder that adds nothing and takes nothing away but what it is asked to. */
export interface ForwardingShim {
  close(): Promise<void>;
}

export interface ForwardingShimOptions {
  readonly port: number;
  readonly target: { readonly hostname: string; readonly port: number };
  /** Path and headers to send on for those that came in. */
  readonly change: (
    path: string,
    headers: OutgoingHttpHeaders,
  ) => { path: string; headers: OutgoingHttpHeaders };
}

export async function startForwardingShim(options: ForwardingShimOptions): Promise<ForwardingShim> {
  const shim = createServer((incoming, outgoing) => {
    const { path, headers } = options.change(incoming.url ?? '/', incoming.headers);
    const { hostname, port } = options.target;
    const forwarded = sendRequest({ hostname, port, method: incoming.method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => shim.listen(options.port, '127.0.0.1', resolve));
  return {
    async close() {
      shim.closeAllConnections();
      await new Promise((resolve) => shim.close(resolve));
    },
  };
}
