import { createHash } from 'node:crypto';

import { html } from 'hono/html';
import { describe, expect, it } from 'vitest';

import { renderErrorPage, renderPage } from './page.ts';

const body = html`<h1>Hello</h1>`;

describe('renderPage', () => {
  it('allows nothing but its own stylesheet, by the hash of what is in the page', async () => {
    const response = renderPage({ title: 't', body, formAction: 'self' });

    const style = /<style>(.*?)<\/style>/s.exec(await response.text())?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
  });

  it('cannot be framed, cached or sniffed', () => {
    const { headers } = renderPage({ title: 't', body, formAction: 'none' });

    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("form-action 'none'");
  });

  it('lets a page with a form name its origin, and no other page', () => {
    const form = renderPage({ title: 't', body, formAction: 'self' });
    const plain = renderPage({ title: 't', body, formAction: 'none' });

    expect(form.headers.get('referrer-policy')).toBe('same-origin');
    expect(plain.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('escapes the title and the refresh target', async () => {
    const hostile = `"><svg onload=1></title>'`;
    const text = await renderPage({ title: hostile, body, formAction: 'none', refreshTo: hostile }).text();

    expect(text).not.toContain('<svg');
    expect(text).toContain('content="0;url=&quot;&gt;&lt;svg onload=1&gt;&lt;/title&gt;&#39;"');
  });

  it('has no script', async () => {
    expect(await renderPage({ title: 't', body, formAction: 'self' }).text()).not.toMatch(
      /<script|\son\w+=/i,
    );
  });

  it('sets every cookie it is given', () => {
    const { headers } = renderPage({ title: 't', body, formAction: 'none', cookies: ['a=1', 'b=2'] });

    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });
});

describe('renderErrorPage', () => {
  it.each([
    [undefined, 'Close this window'],
    [2, '<li>Wait a few seconds, and load this page again.</li>'],
    [42, '<li>Wait a minute, and load this page again.</li>'],
    [600, '<li>Wait 10 minutes, and load this page again.</li>'],
  ])('says how long to wait, where waiting helps (%s)', async (waitSeconds, text) => {
    const page = { title: 'T', message: 'M', requestId: 'r-1', status: 429, waitSeconds };
    expect(await renderErrorPage(page).text()).toContain(text);
  });

  it('says what happened, what to do, and the request id', async () => {
    const response = renderErrorPage({ title: 'T', message: 'M & <b>', requestId: 'r-1', status: 403 });

    expect(response.status).toBe(403);
    const text = await response.text();
    expect(text).toContain('<h1>T</h1>');
    expect(text).toContain('M &amp; &lt;b&gt;');
    expect(text).toContain('start again from your application');
    expect(text).toContain('r-1');
    expect(text).not.toContain('<a ');
  });

  it('offers the link it is given', async () => {
    const link = { href: 'https://client.example/?a=1&b="2"', text: 'Go <on>' };
    const text = await renderErrorPage({
      title: 'T',
      message: 'M',
      requestId: 'r',
      status: 400,
      link,
    }).text();

    expect(text).toContain('href="https://client.example/?a=1&amp;b=&quot;2&quot;"');
    expect(text).toContain('Go &lt;on&gt;');
  });
});
