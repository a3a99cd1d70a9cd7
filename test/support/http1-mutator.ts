/**
 * Heads and bodies of HTTP/1.1 with something wrong in them, from a seed. Structure first (fields that frame, odd
 * blanks, odd line ends), then bytes: most of what comes out is nearly right, which is where parsers differ.
 */
export class Http1Mutator {
  #state: number;
  /** How often something odd stands where something usual is expected. Some cases are all usual but for one byte. */
  #oddity = 0;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  requestHead(): string {
    this.#drawOddity();
    const method = this.#rarely(this.#pick(['POST', 'GET', 'DELETE']), oddMethods);
    const target = this.#rarely(this.#pick(['/mcp', '/', '/a?b=c', '//a/../%2e']), oddTargets);
    const line = `${method}${this.#rarely(' ', oddBlanks)}${target} ${this.#rarely('HTTP/1.1', oddVersions)}`;
    const host = `Host: ${this.#rarely(this.#pick(['a.example', 'localhost:3000', '127.0.0.1:1', '[::1]']), oddHosts)}`;
    const length =
      method === 'POST' && this.#chance(0.5) ? [`Content-Length: ${this.#rarely('5', lengths)}`] : [];
    const lines = [...length, ...this.#fields(plainRequestFields, tellingRequestFields)];
    const at = this.below(lines.length + 1);
    return this.#mutate(this.#lines([line, ...lines.slice(0, at), host, ...lines.slice(at)]));
  }

  responseHead(): string {
    this.#drawOddity();
    const status = this.#rarely(this.#pick(statuses), [
      '99',
      '600',
      '099',
      '0200',
      '2 0',
      '20',
      '+20',
      '007',
    ]);
    const line = `${this.#rarely('HTTP/1.1', oddVersions)} ${status}${this.#pick(reasons)}`;
    const framing = this.#pick(['', 'Content-Length: 5', 'Content-Length: 0', 'Transfer-Encoding: chunked']);
    const framed = framing === '' ? [] : [framing + this.#blanksAfter()];
    return this.#mutate(
      this.#lines([line, ...framed, ...this.#fields(plainResponseFields, tellingResponseFields)]),
    );
  }

  chunkedBody(): string {
    this.#drawOddity();
    const chunks = this.#times(this.below(4), () => this.#chunk());
    const trailer = this.#chance(0.3) ? this.#fields(plainResponseFields, tellingResponseFields) : [];
    return this.#mutate(
      `${chunks.join('')}${this.#lines([this.#pick(['0', '00', '0;a', '0;a=b']), ...trailer])}`,
    );
  }

  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number {
    // xorshift32: short, and the same everywhere.
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }

  #chunk(): string {
    const data = this.#times(1 + this.below(20), () => this.#pick(['x', '0', '\r\n', '\n', ';'])).join('');
    const size = this.#chance(0.5) ? data.length.toString(16) : data.length.toString(16).toUpperCase();
    const padded = this.#chance(0.2) ? size.padStart(1 + this.below(10), '0') : size;
    return `${padded}${this.#rarely('', extensions)}${this.#lineEnd()}${data}${this.#lineEnd()}`;
  }

  #fields(plain: FieldPool, telling: FieldPool): string[] {
    return this.#times(this.below(6), () => {
      const [name, values] = this.#pick(this.#chance(2 * this.#oddity) ? telling : plain);
      const value = this.#rarely(this.#pick(values), oddValues);
      const colon = this.#rarely(':', [' :', '\t:', '', '::', ';']);
      const blanks = this.#chance(0.2) ? this.#pick(['', '  ', '\t', ' \t ']) : ' ';
      return `${this.#case(name)}${colon}${this.#rarely(blanks, oddBlanks)}${value}${this.#rarely(this.#blanksAfter(), oddBlanks)}`;
    });
  }

  #blanksAfter(): string {
    return this.#chance(0.1) ? this.#pick([' ', '\t', ' \t ', '\t ']) : '';
  }

  #case(name: string): string {
    const chance = this.below(4);
    if (chance === 0) return name.toLowerCase();
    return chance === 1 ? name.toUpperCase() : name;
  }

  #lines(lines: readonly string[]): string {
    return `${lines.map((line) => line + this.#lineEnd()).join('')}\r\n`;
  }

  #lineEnd(): string {
    return this.#chance(1 - this.#oddity / 4) ? '\r\n' : this.#pick(oddLineEnds);
  }

  #mutate(text: string): string {
    let mutated = text;
    for (let count = this.#chance(0.5) ? 0 : 1 + this.below(3); count > 0; count -= 1)
      mutated = this.#mutateOnce(mutated);
    return mutated;
  }

  #mutateOnce(text: string): string {
    const at = this.below(text.length);
    const byte = this.#chance(0.7) ? this.#pick(oddBytes) : String.fromCharCode(this.below(256));
    const to = Math.min(text.length, at + this.below(24));
    switch (this.below(5)) {
      case 0:
        return text.slice(0, at) + byte + text.slice(at + 1);
      case 1:
        return text.slice(0, at) + byte + text.slice(at);
      case 2:
        return text.slice(0, at) + text.slice(at + 1);
      case 3:
        return text.slice(0, to) + text.slice(at, to) + text.slice(to);
      default:
        return text.slice(0, at) + text.slice(to);
    }
  }

  #drawOddity(): void {
    this.#oddity = this.#pick([0, 0.01, 0.03, 0.1]);
  }

  #rarely(usual: string, odd: readonly string[]): string {
    return this.#chance(this.#oddity) ? this.#pick(odd) : usual;
  }

  #chance(share: number): boolean {
    return this.below(10_000) < share * 10_000;
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new TypeError('Nothing to pick from');
    return item;
  }

  #times<Item>(count: number, make: () => Item): Item[] {
    return Array.from({ length: count }, make);
  }
}

const oddBytes = '\0\t\n\v\f\r !"#%:;,=()@[\\_{0123ax-.\x1f\x7f\x80\x85\xa0\xad\xff'.split('');
const oddBlanks = ['', '  ', '\t', ' \t ', '\xa0', '\v', '\f', '\0', '\r', '\n', '\r\n ', '\r\n\t', ' \r\n'];
const oddLineEnds = ['\n', '\r', '\r\r\n', '\n\r\n', '\r\n ', '\r\n\t', '\r\n\r', '\0\r\n', ' \r\n'];
const oddValues = [
  '',
  ',',
  '\xe9\xff',
  '"',
  '\x7f',
  '\0',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\nTransfer-Encoding: chunked',
];

const oddMethods = ['HEAD', 'PUT', 'OPTIONS', 'post', 'POSTS', 'QUERY', 'PRI', 'G@T'];
const oddTargets = ['/a#b', '*', 'http://a/', '/a b', '/\x80', '/"<>^`{|}', 'a', '/\0', '/\x7f'];
const oddVersions = [
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/1.2',
  'HTTP/11',
  'ICY',
];
const oddHosts = ['', 'a b', 'a/b', 'a@b', '1.2', 'A_b', 'a,b', 'a:65536'];
const statuses = ['200', '200', '200', '202', '204', '304', '100', '103', '101', '199', '400', '500', '599'];
const reasons = [' OK', ' OK', '', ' ', '  Two', ' \xe9', ' a\tb', ' a:b'];
const extensions = [
  ';a',
  ';a=b',
  ';a=b;c',
  ';',
  ';=',
  ';a=',
  ' ;a',
  ';a="b"',
  ';a="',
  ' ',
  '\t',
  ';a b',
  ';\xe9',
];

const lengths = ['0', '0', '5', '5', '12', '005', '+5', '-5', '5,5', '5, 5', '0x5', '5 5', '5\xa0', '4096'];
const options = [
  'close',
  'keep-alive',
  'Close',
  'Keep-Alive',
  'upgrade',
  'keep-alive, close',
  'close,',
  'x',
  'close\xa0',
  'te',
];
const codings = [
  'chunked',
  'Chunked',
  'chunked',
  'gzip',
  'gzip, chunked',
  'chunked, chunked',
  '\xa0chunked',
  'identity',
  'xchunked',
];

type FieldPool = ReadonlyArray<readonly [string, readonly string[]]>;

const plainFields: FieldPool = [
  ['Content-Type', ['application/json', 'text/event-stream']],
  ['X-A', ['b', '\xe9', 'b c', '"b"', '\xa0b\x85', '']],
  ['Keep-Alive', ['timeout=5']],
  ['Mcp-Session-Id', ['0f7f3c9a']],
];
const tellingFields: FieldPool = [
  ['Content-Length', lengths],
  ['Connection', options],
  ['Transfer-Encoding', codings],
  ['Proxy-Connection', options],
  ['Upgrade', ['websocket', 'h2c']],
  ['Trailer', ['X-Sum']],
  ['Host', [...oddHosts, 'a.example']],
];
const plainRequestFields: FieldPool = [
  ...plainFields,
  ['Authorization', ['Bearer x', 'Basic y']],
  ['Origin', ['https://a.example', 'null']],
  ['Accept', ['*/*', 'application/json, text/event-stream']],
  ['Cookie', ['a=b; c=d']],
  ['Connection', ['close', 'keep-alive', 'Close', 'Keep-Alive']],
];
const tellingRequestFields: FieldPool = [
  ...tellingFields,
  ['Expect', ['100-continue', 'x']],
  ['TE', ['trailers']],
  ['HTTP2-Settings', ['AAMAAABkAAQAoAAAAAIAAAAA']],
];
const plainResponseFields: FieldPool = [
  ...plainFields,
  ['Connection', options],
  ['Set-Cookie', ['a=b', 'c=d']],
  ['WWW-Authenticate', ['Bearer']],
];
const tellingResponseFields: FieldPool = [...tellingFields, ['Transfer-Encoding', codings]];
