import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
  type NodeIncomingMessageLike,
} from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  createRequestStateCodec,
  isInitializeRequest,
  isLegacyRequest,
  McpServer,
} from '@modelcontextprotocol/server';
import { registerAskingTools, type RoundState } from './asking-tools.ts';
import { createEventStore } from './event-store.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerTools, type ToolChanges } from './tools.ts';

/**
 * An MCP server on the official SDK that has everything the official conformance suite asks of one, in both protocol
 * eras: sessions, resumable streams and DELETE for legacy clients, requests without a handshake for modern ones. It
 * knows nothing of authorization; that is what the gatehouse in front of it is for.
 */
export interface EverythingServer {
  /** `http://127.0.0.1:PORT/mcp`. */
  readonly url: string;
  /** Legacy sessions that are open. */
  readonly sessionIds: ReadonlySet<string>;
  close(): Promise<void>;
}

export async function startEverythingServer(port = 0): Promise<EverythingServer> {
  const endpoint = createEndpoint();
  const allowsHost = localhostHostValidation();
  const allowsOrigin = localhostOriginValidation();
  const server = createServer((request, response) => {
    if (!allowsHost(request, response) || !allowsOrigin(request, response)) return;
    endpoint.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    sessionIds: endpoint.sessionIds,
    async close() {
      await endpoint.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Endpoint {
  readonly sessionIds: ReadonlySet<string>;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

function createEndpoint(): Endpoint {
  const states = createRequestStateCodec<RoundState>({ key: randomBytes(32) });
  const modern = createMcpHandler(() => createEverything(states, modern.notify), { legacy: 'reject' });
  const handleModern = toNodeHandler(modern);
  const sessions = createSessions(() => {
    const server = createEverything(states, {
      toolsChanged: () => server.sendToolListChanged(),
      promptsChanged: () => server.sendPromptListChanged(),
    });
    return server;
  });
  return {
    sessionIds: sessions.ids,
    async handle(request, response) {
      if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/mcp')
        return refuse(response, 404, 'Not found');
      const body = await readJson(request);
      if (body === unreadable) return refuse(response, 400, 'Parse error', -32700);
      const incoming = request as NodeIncomingMessageLike;
      if (request.method !== 'POST' || (await isLegacyRequest(await toWebRequest(incoming, body), body)))
        return sessions.handle(request, response, body);
      return handleModern(incoming, response, body);
    },
    async close() {
      await modern.close();
      await sessions.close();
    },
  };
}

function createEverything(
  states: ReturnType<typeof createRequestStateCodec<RoundState>>,
  changes: ToolChanges,
): McpServer {
  const server = new McpServer(
    { name: 'everything-server', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: states.verify },
    },
  );
  registerTools(server, changes);
  registerAskingTools(server, states);
  registerPrompts(server);
  registerResources(server);
  server.server.setRequestHandler('resources/subscribe', async () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', async () => ({}));
  return server;
}

/** Legacy sessions: one server and one transport each, from `initialize` to DELETE. */
function createSessions(createMcpServer: () => McpServer) {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>();
  const ids = new Set<string>();
  const open = async (): Promise<NodeStreamableHTTPServerTransport> => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventStore(),
      retryInterval: 100,
      onsessioninitialized: (id) => {
        sessions.set(id, transport);
        ids.add(id);
      },
      onsessionclosed: (id) => {
        sessions.delete(id);
        ids.delete(id);
      },
    });
    await createMcpServer().connect(transport);
    return transport;
  };
  return {
    ids,
    async handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
      const id = request.headers['mcp-session-id'];
      if (typeof id === 'string') {
        const transport = sessions.get(id);
        if (transport === undefined) return refuse(response, 404, 'Session not found', -32001);
        return transport.handleRequest(request, response, body);
      }
      if (!isInitializeRequest(body)) return refuse(response, 400, 'Bad Request: no session', -32000);
      return (await open()).handleRequest(request, response, body);
    },
    async close(): Promise<void> {
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
    },
  };
}

const unreadable = Symbol('not JSON');

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (chunks.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return unreadable;
  }
}

function refuse(response: ServerResponse, status: number, message: string, code = -32600): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
  console.log((await startEverythingServer(Number(values.port))).url);
}
