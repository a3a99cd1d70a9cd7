import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { HeadlessBrowser } from './headless-browser.ts';
import { closeServer, listenOn } from './listening.ts';

const page = `<meta http-equiv="refresh" content="0; url=/next?a=1&amp;b=%22">
  <form method="post" action="/other"><button name="go" value="elsewhere">x</button></form>
  <form method="post" action="/here"><input type="hidden" name="token" value="a&quot;&#39;b" />
    <button class="primary" name="go" value="here">x</button></form>`;
let received: { request: IncomingMessage; body: string }[] = [];
const server = createServer((request, response) => {
  void request.toArray().then((chunks: Buffer[]) => {
    received.push({ request, body: Buffer.concat(chunks).toString() });
    if (request.url === '/redirect')
      response.writeHead(302, { location: 'https://elsewhere.example/?x=1' }).end();
    else if (request.url === '/forget') response.writeHead(200, { 'set-cookie': 'one=; Max-Age=0' }).end();
    else response.writeHead(200, { 'set-cookie': ['one=1; Path=/; HttpOnly', 'two=2'] }).end(page);
  });
});
let origin: string;

beforeAll(async () => {
  origin = await listenOn(server, '127.0.0.1', 0);
});
afterAll(() => closeServer(server));
beforeEach(() => {
  received = [];
});

describe('headless browser', () => {
  it('finds where a page leads: by refresh and by redirect', async () => {
    const browser = new HeadlessBrowser();
    expect((await browser.visit(new URL(origin))).onward?.href).toBe(`${origin}/next?a=1&b=%22`);
    expect((await browser.visit(new URL('/redirect', origin))).onward?.href).toBe(
      'https://elsewhere.example/?x=1',
    );
    expect(received).toHaveLength(2);
  });

  it('submits the form that has the button, hidden fields and all, as Chromium does', async () => {
    const browser = new HeadlessBrowser();
    await browser.press(await browser.visit(new URL(origin)), 'go', 'here');
    const [, posted] = received;
    expect(posted?.request.url).toBe('/here');
    expect(Object.fromEntries(new URLSearchParams(posted?.body))).toEqual({ token: `a"'b`, go: 'here' });
    expect(posted?.request.headers).toMatchObject({
      origin,
      'sec-fetch-site': 'same-origin',
      cookie: 'one=1; two=2',
    });
  });

  it('says so when a page has no such button', async () => {
    const browser = new HeadlessBrowser();
    const visited = await browser.visit(new URL(origin));
    await expect(browser.press(visited, 'go', 'nowhere')).rejects.toThrow('no button go=nowhere');
    expect(received).toHaveLength(1);
  });

  it('keeps cookies by host, forgets them when told to, and shares none', async () => {
    const browser = new HeadlessBrowser();
    await browser.visit(new URL(origin));
    await browser.visit(new URL('/forget', origin));
    await browser.visit(new URL(origin));
    await new HeadlessBrowser().visit(new URL(origin));
    expect(received.map(({ request }) => request.headers.cookie)).toEqual([
      undefined,
      'one=1; two=2',
      'two=2',
      undefined,
    ]);
  });

  it.each([
    { from: undefined, site: 'none' },
    { from: 'http://127.0.0.1:1', site: 'same-site' },
    { from: 'https://elsewhere.example', site: 'cross-site' },
  ])('calls a visit from $from $site', async ({ from, site }) => {
    await new HeadlessBrowser().visit(new URL(origin), from === undefined ? undefined : new URL(from));
    expect(received[0]?.request.headers['sec-fetch-site']).toBe(site);
    expect(received[0]?.request.headers.origin).toBeUndefined();
  });
});
