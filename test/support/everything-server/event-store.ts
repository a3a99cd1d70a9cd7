import type { EventId, EventStore, JSONRPCMessage, StreamId } from '@modelcontextprotocol/server';

/** Remembers what was sent on a session's streams, so that `Last-Event-ID` can continue one. */
export function createEventStore(): EventStore {
  const events: { id: EventId; stream: StreamId; message: JSONRPCMessage }[] = [];
  return {
    async storeEvent(stream, message) {
      const id = `${stream}_${events.length}`;
      events.push({ id, stream, message });
      return id;
    },
    async getStreamIdForEventId(id) {
      return events.find((event) => event.id === id)?.stream;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const last = events.findIndex((event) => event.id === lastEventId);
      const stream = events[last]?.stream ?? '';
      const missed = events.slice(last + 1).filter((event) => event.stream === stream);
      // The event that opens a stream carries no message.
      for (const { id, message } of missed) if (Object.keys(message).length > 0) await send(id, message);
      return stream;
    },
  };
}
