import { publicUrl } from './fault-client.ts';
import type { Person } from './people.ts';

const host = new URL(publicUrl).host;

/** A call of the MCP server. `id` comes back in the answer. */
export function makeCall(person: Person, id: string, target = '/mcp'): string {
  const body = `{"jsonrpc":"2.0","id":"${id}","method":"tools/list"}`;
  return `${makeHead('POST', person, target)}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** A stream to listen on. */
export function makeListen(person: Person, target = '/mcp'): string {
  return `${makeHead('GET', person, target)}\r\n`;
}

/** Everything but what says how long the body is. */
export function makeHead(method: string, person: Person, target = '/mcp'): string {
  return (
    `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${person.token}\r\n` +
    `X-Forwarded-For: ${person.address}\r\n` +
    `Accept: application/json, text/event-stream\r\n${method === 'GET' ? '' : 'Content-Type: application/json\r\n'}`
  );
}
