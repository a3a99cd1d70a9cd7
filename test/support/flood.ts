import { Agent, request as httpRequest } from 'node:http';

export interface FloodRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface FloodAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Sends so many requests over fifty connections that stay open; answers in the order of the requests. */
export async function flood(
  origin: string,
  count: number,
  requestAt: (at: number) => FloodRequest,
): Promise<FloodAnswer[]> {
  const connections = 50;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers: FloodAnswer[] = [];
  let next = 0;
  const sendOn = async (): Promise<void> => {
    while (next < count) {
      const at = next;
      next += 1;
      answers[at] = await send(origin, agent, requestAt(at));
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, sendOn));
  } finally {
    agent.destroy();
  }
  return answers;
}

function send(origin: string, agent: Agent, request: FloodRequest): Promise<FloodAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<FloodAnswer>();
  const { method = 'POST', path = '/mcp', headers = {}, body } = request;
  const outgoing = httpRequest(`${origin}${path}`, { method, headers, agent }, (message) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.once('error', reject);
    message.once('end', () => {
      resolve({
        status: message.statusCode ?? 0,
        retryAfter: message.headers['retry-after'],
        body: Buffer.concat(chunks).toString('utf8'),
      });
    });
  });
  outgoing.once('error', reject);
  outgoing.end(body);
  return promise;
}

/** How often each status came. */
export function tally(answers: readonly FloodAnswer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
