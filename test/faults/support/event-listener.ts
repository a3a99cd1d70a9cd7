import { type CallOutcome, MountConnection } from './mount-connection.ts';
import { makeListen } from './mount-requests.ts';
import type { Person } from './people.ts';

/** A client that listens on an event stream. */
export interface EventListener {
  /** Resolves when the stream has begun; false when it will not. */
  readonly began: Promise<boolean>;
  /** Events so far, comments not counted. */
  readonly events: number;
  /** Whether the last byte that came was the last of an event. */
  readonly isBetweenEvents: boolean;
  readonly isOpen: boolean;
  readonly ended: Promise<CallOutcome>;
  leave(): void;
}

export function listenForEvents(port: number, person: Person, localAddress?: string): EventListener {
  const connection = new MountConnection(port, localAddress);
  const beginning = Promise.withResolvers<boolean>();
  let tail = '';
  let [events, isOpen] = [0, true];
  const ended = connection.call(makeListen(person), {
    onHead(status) {
      connection.waitForever();
      beginning.resolve(status === 200);
    },
    onBody(bytes) {
      const text = bytes.toString('latin1');
      events += text.split('data: ').length - 1;
      tail = (tail + text).slice(-2);
    },
  });
  const over = ended.then((outcome) => {
    isOpen = false;
    beginning.resolve(false);
    connection.destroy();
    return outcome;
  });
  return {
    began: beginning.promise,
    get events() {
      return events;
    },
    get isBetweenEvents() {
      return tail === '' || tail === '\n\n';
    },
    get isOpen() {
      return isOpen;
    },
    ended: over,
    leave: () => connection.destroy(),
  };
}

/** Opens many streams, a few at a time. Resolves with those that began. */
export async function listenMany(
  ports: readonly number[],
  personAt: (number: number) => Person,
  count: number,
): Promise<readonly EventListener[]> {
  const opened: EventListener[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next;
      next += 1;
      const listener = listenForEvents(ports[number % ports.length] ?? 0, personAt(number));
      if (await listener.began) opened.push(listener);
    }
  };
  await Promise.all(Array.from({ length: 100 }, work));
  return opened;
}
