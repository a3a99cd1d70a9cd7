import type { Server } from 'node:http';

/** Starts listening and returns the origin: `http://127.0.0.1:9400`. Rejects with the system's error, e.g. `EADDRINUSE`. */
export async function listenOn(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(address.port)}`;
}

/** Stops a demo server at once, open connections included. */
export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
