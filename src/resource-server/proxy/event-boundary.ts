/**
 * Where one event of a stream ends and the next begins: behind a blank line. Lines end with LF, CRLF or CR, as their
 * sender likes. All that is kept of a stream are its last three bytes, as one number.
 * @see WHATWG HTML, 9.2.5 Parsing an event stream
 */

const LF = 0x0a;
const CR = 0x0d;

/** Before the first byte: an event can begin here. */
export const startOfEvents = (LF << 8) | LF;

/** The last three bytes of a stream that goes on with `bytes`, from `from` to `to`. */
export function lastBytes(last: number, bytes: Buffer, from: number, to: number): number {
  let next = last;
  for (let at = Math.max(from, to - 3); at < to; at += 1) next = append(next, bytes[at] as number);
  return next;
}

/** Whether a stream with these last bytes is between two events. */
export function isBetweenEvents(last: number): boolean {
  const two = last & 0xffff;
  if (two === ((LF << 8) | LF) || two === ((CR << 8) | CR)) return true;
  // Behind CR LF CR nothing has ended: its LF is still on the way, and would be a line of its own behind anything of ours.
  return two === ((CR << 8) | LF) && (last >> 16 === LF || last >> 16 === CR);
}

/** The first position in `bytes`, from just after `from` up to `to`, that is between two events; -1 when there is none. */
export function findEventEnd(last: number, bytes: Buffer, from: number, to: number): number {
  let next = last;
  for (let at = from; at < to; at += 1) {
    next = append(next, bytes[at] as number);
    if (isBetweenEvents(next)) return at + 1;
  }
  return -1;
}

function append(last: number, byte: number): number {
  return ((last << 8) | byte) & 0xffffff;
}
