import { HeadlessBrowser } from './headless-browser.ts';
import type { VisitedPage } from './headless-browser.ts';
import type { Hops } from './hops.ts';
import type { Stack } from './stack.ts';

/**
 * Signs in as Ada would: from the client's authorization URL to the client's redirect URI, which is returned with the
 * answer in its query.
 * @throws HopFailure at the first page that is not as it should be
 */
export async function signIn(
  stack: Stack,
  authorizationUrl: URL,
  clientName: string,
  hops: Hops,
): Promise<URL> {
  const browser = new HeadlessBrowser();
  const consent = await hops.run('authorize', () => browser.visit(authorizationUrl), findPageFault);
  await hops.run(
    'consent',
    () => consent.text,
    (text) => (text.includes(clientName) ? undefined : 'the page does not name the client'),
  );
  const approved = await hops.run(
    'approve',
    () => browser.press(consent, 'action', 'approve'),
    (page) => findOnwardFault(page, stack.identityProviderUrl),
  );
  const login = await hops.run(
    'identity provider',
    () => browser.visit(onwardOf(approved), approved.url),
    findPageFault,
  );
  const loggedIn = await hops.run(
    'log in',
    () => browser.press(login, 'person', 'sample-ada'),
    (page) => findOnwardFault(page, stack.gatehouseUrl),
  );
  const answered = await hops.run(
    'callback',
    () => browser.visit(onwardOf(loggedIn), loggedIn.url),
    (page) => findAnswerFault(page, authorizationUrl, stack.gatehouseUrl),
  );
  return onwardOf(answered);
}

function findPageFault({ status, headers }: VisitedPage): string | undefined {
  if (status !== 200) return `status ${String(status)}`;
  const policy = String(headers['content-security-policy'] ?? '');
  return policy.includes("frame-ancestors 'none'") ? undefined : 'the page may be framed';
}

function findOnwardFault({ status, onward }: VisitedPage, origin: string): string | undefined {
  if (status >= 400) return `status ${String(status)}`;
  return onward?.origin === origin ? undefined : `the page does not lead to ${origin}`;
}

/** State and issuer are checked here as well as in the client: a client that forgets is not the test's to rely on. */
function findAnswerFault({ status, onward }: VisitedPage, asked: URL, issuer: string): string | undefined {
  const redirectUri = asked.searchParams.get('redirect_uri') ?? '';
  if (onward === undefined || !onward.href.startsWith(`${redirectUri}?`)) {
    return `status ${String(status)}, and no way back to the client`;
  }
  const answer = onward.searchParams;
  if (!answer.has('code')) return `no code, but error ${answer.get('error') ?? 'unknown'}`;
  if (answer.get('state') !== asked.searchParams.get('state')) return 'another state';
  return answer.get('iss') === issuer ? undefined : 'another issuer';
}

function onwardOf(page: VisitedPage): URL {
  if (page.onward === undefined) throw new Error('the page leads nowhere');
  return page.onward;
}
