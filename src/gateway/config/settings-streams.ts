import { parseDuration } from './go-duration.ts';
import type { Setting } from './setting.ts';

const oneHour = 3600;
const oneWeek = 168 * 3600;

/** Connections that are open for long and carry little. */
export const streamSettings = {
  SSE_KEEPALIVE_INTERVAL: {
    description:
      'How long an event stream may be silent before its client gets a comment (`: keep-alive`), which clients pass over. Set it below the idle timeout of the load balancers in front, and below 5 minutes for clients that give up then; never into an event, nor into an answer with a content coding. 0: never. See [streams](streams.md).',
    accepts: 'duration, 1s to 1h, or 0',
    defaultText: '0',
    unset: 0,
    parse: (text) => parseDuration(text, { minSeconds: 0, maxSeconds: oneHour, text: '1s to 1h, or 0' }),
  } satisfies Setting<number>,
  STREAM_IDLE_TIMEOUT: {
    description:
      'Ends an event stream when the upstream has sent nothing through it for so long, not even a comment. Streams that only listen are silent for hours when nothing happens, so there is no limit by default; a peer that is gone is found without one (`TCP_KEEPALIVE_INTERVAL`). A slow tool whose answer is a stream is cut, too.',
    accepts: 'duration, 1s to 168h, or 0',
    defaultText: '0',
    unset: 0,
    parse: (text) => parseDuration(text, { minSeconds: 0, maxSeconds: oneWeek, text: '1s to 168h, or 0' }),
  } satisfies Setting<number>,
  TCP_KEEPALIVE_INTERVAL: {
    description:
      'How long a connection, of a client or to the upstream, may be silent before its other end is asked for a sign of life by the kernel. One that gives none for ten seconds then is gone, and what it held is free. 0: nobody is asked, and a client that lost its network holds its stream until its token expires.',
    accepts: 'duration, 1s to 1h, or 0',
    defaultText: '30s',
    unset: 30,
    parse: (text) => parseDuration(text, { minSeconds: 0, maxSeconds: oneHour, text: '1s to 1h, or 0' }),
  } satisfies Setting<number>,
};
