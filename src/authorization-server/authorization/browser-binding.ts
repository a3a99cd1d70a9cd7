import { createHash, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../../platform/clock.ts';
import { type Cookies, formatCookie, parseCookies } from '../../platform/http/cookies.ts';
import type { Random } from '../../platform/random.ts';
import { loginTtlSeconds } from './transaction.ts';

/**
 * Ties an authorization to one browser. The browser's own cookie binds the consent page to whoever was shown it; a
 * cookie per flow, set by the very response that leads to the identity provider, binds the callback to whoever
 * approved. Sealed tokens hold only hashes, so neither a captured form nor a captured `state` is worth anything
 * elsewhere.   @see RFC 9700 §4.7
 */
export interface BrowserBinding {
  /** Keeps the browser's secret, or makes one. */
  knowBrowser(request: Request): { readonly hash: string; readonly cookie: string };
  isSameBrowser(request: Request, hash: string): boolean;
  /** A new secret for this flow, and the cookies of flows that must make room for it. */
  startFlow(request: Request, flowId: string): { readonly hash: string; readonly cookies: readonly string[] };
  isSameFlow(request: Request, flowId: string, hash: string): boolean;
  /** The cookie that removes a flow's cookie. */
  endFlow(flowId: string): string;
}

export interface BrowserBindingDeps {
  readonly issuer: string;
  readonly random: Random;
  readonly clock: Clock;
}

const browserTtlSeconds = 30 * 24 * 3600;
const secretBytes = 32;
/** Flows one browser can have at the identity provider at once: six cookies are some 600 bytes of header. */
const maxFlows = 6;

const secretSyntax = /^[\w-]{43}$/;
const flowValue = /^(\d{1,12})\.([\w-]{43})$/;

export function createBrowserBinding(deps: BrowserBindingDeps): BrowserBinding {
  const secure = deps.issuer.startsWith('https:');
  // Only this very host, over https, can set a __Host- cookie: a sibling host cannot plant one. On https no other name is read.
  const prefix = secure ? '__Host-gatehouse-' : 'gatehouse-';
  const browserName = `${prefix}browser`;
  const flowPrefix = `${prefix}flow-`;
  const removal = (name: string): string => formatCookie(name, '', { secure, maxAgeSeconds: 0 });

  return {
    knowBrowser(request) {
      const secret = findSecret(readCookies(request).get(browserName)) ?? deps.random.token(secretBytes);
      const cookie = formatCookie(browserName, secret, { secure, maxAgeSeconds: browserTtlSeconds });
      return { hash: hashSecret(secret), cookie };
    },
    isSameBrowser(request, hash) {
      return isPreimage(findSecret(readCookies(request).get(browserName)), hash);
    },
    startFlow(request, flowId) {
      const secret = deps.random.token(secretBytes);
      const value = `${deps.clock.nowSeconds()}.${secret}`;
      const fresh = formatCookie(flowPrefix + flowId, value, { secure, maxAgeSeconds: loginTtlSeconds });
      const evicted = listOldFlows(readCookies(request), flowPrefix).map(removal);
      return { hash: hashSecret(secret), cookies: [...evicted, fresh] };
    },
    isSameFlow(request, flowId, hash) {
      const value = readCookies(request).get(flowPrefix + flowId);
      return isPreimage(flowValue.exec(value ?? '')?.[2], hash);
    },
    endFlow: (flowId) => removal(flowPrefix + flowId),
  };
}

function readCookies(request: Request): Cookies {
  return parseCookies(request.headers.get('cookie'));
}

/** Names of the flow cookies beyond the newest, leaving room for one more. Unreadable ones count as oldest. */
function listOldFlows(cookies: Cookies, flowPrefix: string): readonly string[] {
  const flows = [...cookies].filter(([name]) => name.startsWith(flowPrefix));
  const startedAt = (value: string): number => Number(flowValue.exec(value)?.[1] ?? 0);
  flows.sort(([, left], [, right]) => startedAt(right) - startedAt(left));
  return flows.slice(maxFlows - 1).map(([name]) => name);
}

function findSecret(value: string | undefined): string | undefined {
  return value !== undefined && secretSyntax.test(value) ? value : undefined;
}

function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function isPreimage(secret: string | undefined, hash: string): boolean {
  if (secret === undefined) return false;
  const computed = Buffer.from(hashSecret(secret));
  const expected = Buffer.from(hash);
  return computed.length === expected.length && timingSafeEqual(computed, expected);
}
