import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Microsoft Graph, as far as it says who is in which groups.
 *
 * From learn.microsoft.com/graph, "List a user's memberships (direct and transitive)", "Paging Microsoft Graph data in your
 * app" and "Microsoft Graph error responses", read, not recorded:
 * - `GET /v1.0/me/transitiveMemberOf` answers with groups, directory roles and administrative units, told apart by
 *   `@odata.type`; pages have 100 members by default and 999 at most, and `@odata.nextLink` is an absolute URL
 * - an error is `{"error":{"code","message"}}`: 401 InvalidAuthenticationToken, 403 Authorization_RequestDenied without the
 *   permission, 429 with Retry-After
 */
export class SimulatedGraph {
  /** Of the person whose token it is. */
  groups: readonly string[] = [];
  otherMemberships: readonly object[] = [
    { '@odata.type': '#microsoft.graph.directoryRole', id: '11111111-0000-0000-0000-000000000000' },
  ];
  accepts = 'provider-access-token';
  misbehaviour: 'none' | 'denied' | 'throttled' | 'down' | 'page' | 'shape' | 'leads-elsewhere' | 'endless' =
    'none';
  /** Where pages lead that lead elsewhere. */
  elsewhere = 'http://127.0.0.1:9';
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[] = [];
  readonly #server: Server;

  static async start(): Promise<SimulatedGraph> {
    const graph = new SimulatedGraph();
    await new Promise<void>((resolve) => graph.#server.listen(0, '127.0.0.1', resolve));
    return graph;
  }

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer({ url: path = '', headers, socket }: IncomingMessage, response: ServerResponse): void {
    this.requests.push({ url: path, authorization: headers.authorization });
    const url = new URL(path, this.url);
    if (this.misbehaviour === 'down') return void socket.destroy();
    if (this.misbehaviour === 'page') return void response.writeHead(200).end('<p>Welcome</p>');
    if (headers.authorization !== `Bearer ${this.accepts}`)
      return fail(response, 401, 'InvalidAuthenticationToken');
    if (this.misbehaviour === 'denied') return fail(response, 403, 'Authorization_RequestDenied');
    if (this.misbehaviour === 'throttled') return fail(response, 429, 'TooManyRequests');
    if (url.pathname !== '/v1.0/me/transitiveMemberOf')
      return fail(response, 404, 'Request_ResourceNotFound');
    send(response, 200, this.#page(url));
  }

  #page({ searchParams }: URL): object {
    const size = Math.min(Number(searchParams.get('$top') ?? 100), 999);
    const from = Number(searchParams.get('$skiptoken') ?? 0);
    const groups = this.groups.map((id) => ({ '@odata.type': '#microsoft.graph.group', id }));
    const all = [...this.otherMemberships, ...groups];
    const isMore = from + size < all.length || this.misbehaviour === 'endless';
    const origin = this.misbehaviour === 'leads-elsewhere' ? this.elsewhere : this.url;
    const next = `${origin}/v1.0/me/transitiveMemberOf?$select=id&$top=${size}&$skiptoken=${from + size}`;
    return {
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#directoryObjects',
      ...(isMore || this.misbehaviour === 'leads-elsewhere' ? { '@odata.nextLink': next } : {}),
      value: this.misbehaviour === 'shape' ? { groups } : all.slice(from, from + size),
    };
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  send(response, status, { error: { code, message: 'CANARY of Graph' } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
