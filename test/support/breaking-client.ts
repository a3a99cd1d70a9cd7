import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends some bytes, waits for the first of an answer if told to, and breaks off. */
export async function connectTo(
  origin: string,
  bytes: string,
  how: { readonly waitForAnswer: boolean; readonly end: 'reset' | 'destroy' | 'end' },
): Promise<void> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  if (how.waitForAnswer && isWhole(bytes)) await Promise.race([once(socket, 'data'), closed]);
  if (how.end === 'reset') socket.resetAndDestroy();
  else if (how.end === 'destroy') socket.destroy();
  else {
    socket.end();
    // Twice over: the other side may be closing as well.
    socket.destroySoon();
  }
  socket.resume();
  await closed;
}

/** Whether an answer is to be expected. */
function isWhole(bytes: string): boolean {
  return bytes.endsWith('\r\n\r\n') || bytes.endsWith('\r\n\r\n{}');
}
