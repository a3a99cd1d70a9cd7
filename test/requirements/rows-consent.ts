import { type Section, testsOf } from './requirement.ts';

const attacks = testsOf('test/attacks/a-consent.test.ts');
const documents = testsOf('test/attacks/d-metadata-documents.test.ts');
const page = testsOf('src/authorization-server/authorization/consent-page.test.ts');
const endpoint = testsOf('src/authorization-server/authorization/consent-endpoint.test.ts');
const authorization = testsOf('src/authorization-server/authorization/authorization-endpoint.test.ts');
const callback = testsOf('src/authorization-server/authorization/callback-endpoint.test.ts');
const cookies = testsOf('src/authorization-server/authorization/secret-cookies.test.ts');
const cookieForm = testsOf('src/platform/http/cookies.test.ts');
const account = testsOf('test/flows/account-page.test.ts');
const accountAttacks = testsOf('test/attacks/p-account.test.ts');
const chromium = testsOf('test/browser/account.test.ts');
const operator = testsOf('test/cli/operator.test.ts');
const own = testsOf('test/requirements/consent.test.ts');

export const consent: Section = {
  letter: 'F',
  title: 'Consent and the confused deputy',
  rows: [
    {
      id: 84,
      level: 'must',
      source: 'Security Best Practices, Per-Client Consent Storage; MCP Confused Deputy Problem',
      sentence: 'No browser goes to the identity provider before a person has said yes to this client.',
      provedBy: [
        authorization('shows the consent page, sets its cookie alone, and writes nothing'),
        authorization('asks each time: no approval is remembered'),
      ],
      refusedBy: [attacks('1: nor can a login that was begun without a consent page')],
      deviation:
        'Approvals are not stored per person: every request is asked about, which is more than is demanded.',
    },
    {
      id: 85,
      level: 'must',
      source: 'Security Best Practices, Consent UI Requirements; MCP Localhost Redirect URI Risks',
      sentence:
        'The page shows client, host of its document, whole redirect URI, resource, and the scopes here and at the login.',
      provedBy: [
        own('85: the page shows client, target, resource and what is asked here and of the login'),
        page('names who asks, where the answer goes, for what, and what comes next'),
        documents('a document signs a person in, and its host is shown'),
      ],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 86,
      level: 'should',
      source: 'MCP Localhost Redirect URI Risks',
      sentence: 'Targets on this device, and app schemes, are warned of.',
      provedBy: [
        page('warns that %s is a program on this device'),
        page('warns that a private-use scheme is whoever opens its links'),
        attacks('17: a loopback target is warned of and shown with its port'),
      ],
    },
    {
      id: 87,
      level: 'must',
      source: 'Security Best Practices, Consent UI Requirements',
      sentence: 'A consent form is a POST of our own page, from the browser that was shown it.',
      provedBy: [endpoint('leads to the identity provider by a page, with the flow cookie')],
      refusedBy: [
        attacks('5: a consent form that is posted %s approves nothing'),
        attacks('5: a consent form that the attacker fetched is refused even when it looks same-origin'),
        attacks('6: a sibling host cannot post the consent form'),
      ],
    },
    {
      id: 88,
      level: 'must',
      source: 'Security Best Practices, Consent Cookie Security and Redirect URI Validation',
      sentence: 'An approval is for one client, redirect URI, resource and scope, and for nothing wider.',
      provedBy: [attacks('10: no approval is ever reused')],
      refusedBy: [
        attacks('19: the form has no parameter to edit, and takes none'),
        attacks('7: a consent form decides once, however often it is posted'),
      ],
      deviation: 'An approval is for one request, so there is no record that could be too wide.',
    },
    {
      id: 89,
      level: 'must',
      source: 'Security Best Practices, Consent Cookie Security',
      sentence: 'Cookies are `__Host-`, Secure, HttpOnly, SameSite=Lax and say nothing.',
      provedBy: [cookies('are of this host alone, secure, out of reach of scripts, and removed by name')],
      refusedBy: [
        attacks('4: cookies planted by a sibling host are not read'),
        cookies('are not read under a name without __Host- on https'),
        cookieForm('refuses a __Host- name without https'),
      ],
    },
    {
      id: 90,
      level: 'must',
      source: 'Security Best Practices, OAuth State Parameter Validation',
      sentence:
        'State, nonce and verifier for the identity provider, and the cookie with them, are made after approval.',
      provedBy: [
        endpoint('makes state, nonce and verifier anew for each login'),
        authorization('shows the consent page, sets its cookie alone, and writes nothing'),
      ],
      refusedBy: [attacks('1: nor can a login that was begun without a consent page')],
    },
    {
      id: 91,
      level: 'must',
      source: 'Security Best Practices, OAuth State Parameter Validation',
      sentence: 'A callback whose state is missing, unknown, late, used or of another browser is a page.',
      provedBy: [callback('hands the client a code, its state and the issuer, and ends the flow')],
      refusedBy: [
        callback('an answer without state, or with neither code nor error'),
        callback('a state that is not ours, or of another kind'),
        callback('a state after ten minutes'),
        callback('a browser that did not approve, for code and error alike'),
        callback('a callback that was used, although the browser still had its cookie'),
      ],
    },
    {
      id: 92,
      level: 'must',
      source: 'OAuth 2.1 §4.1.2.1',
      sentence: 'A denial is `access_denied` with state and issuer, and stays one.',
      provedBy: [endpoint('leads back to the client by a page, and nowhere near the identity provider')],
      refusedBy: [attacks('8: a denial cannot be turned into an approval by posting the form again')],
    },
    {
      id: 93,
      level: 'must',
      source: 'Security Best Practices, OAuth State Parameter Validation; RFC 9700 §4.7',
      sentence: 'What was approved in one browser cannot be completed in another.',
      provedBy: [callback('finishes two flows of one browser side by side')],
      refusedBy: [
        attacks('1: an approval given in one browser cannot be completed in another'),
        attacks('2: a callback that the attacker hands over does not log the victim in as the attacker'),
      ],
    },
    {
      id: 94,
      level: 'product',
      source: 'RFC 9700; MCP 2025-03-26 Third-Party Authorization Flow',
      sentence: 'People can see and end what they allowed, and its tokens end with it.',
      provedBy: [
        account('shows each grant with client, mount, scopes, where it went and its times'),
        account('ends one grant: its refresh and its calls are refused, the other lives'),
        account('ends the open stream of a grant (fast lane %s)'),
        account('ends everything at once, what no list has and what is on its way included, and signs out'),
        chromium('signs in, ends one of two, and says which'),
        operator('revoke %s ends streams and tokens of a server that was not told'),
      ],
      refusedBy: [
        accountAttacks("273: somebody else's grant is not ended, and whether there is one is not told"),
        accountAttacks(
          '274: a form of another site, or without the value of this very sign-in, ends nothing',
        ),
        account('says so with 503 and a way back, and does not say that anything ended'),
      ],
    },
  ],
};
