import { createServer } from 'node:http';
import { Duplex } from 'node:stream';

/**
 * Makes Node's HTTP servers in this process read from their sockets as from any stream.
 *
 * Otherwise Node's parser reads from the descriptor by itself, and runs what waits for the next tick between two parts
 * of one read; bytes of a connection that was handed over come to it by the stream, and it does not. Whether the
 * answer to a request was out when the end of the same read turned out to be bad is then another matter in either
 * lane, though both run the same code. That is Node's own affair and not compared.
 */
export function readAsStreams(): void {
  const wire = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  createServer().emit('connection', wire);
  const parser: unknown = Reflect.get(wire, 'parser');
  wire.destroy();
  if (typeof parser !== 'object' || parser === null) throw new TypeError('Node keeps its parser elsewhere');
  const prototype: unknown = Object.getPrototypeOf(parser);
  if (
    typeof prototype !== 'object' ||
    prototype === null ||
    typeof Reflect.get(prototype, 'consume') !== 'function'
  )
    throw new TypeError('Node reads in another way');
  Reflect.set(prototype, 'consume', () => undefined);
}
