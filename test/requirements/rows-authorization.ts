import { type Section, testsOf } from './requirement.ts';

const request = testsOf('src/authorization-server/authorization/authorization-request.test.ts');
const attacks = testsOf('test/attacks/e-authorization.test.ts');
const redirects = testsOf('test/attacks/b-redirect-uris.test.ts');
const consent = testsOf('test/attacks/a-consent.test.ts');
const tokens = testsOf('test/attacks/f-token.test.ts');
const pkce = testsOf('src/protocol/pkce.test.ts');
const answers = testsOf('src/protocol/authorization-response.test.ts');
const uriForms = testsOf('src/protocol/resource-uri.test.ts');
const resources = testsOf('src/services/resources/resources.test.ts');
const codes = testsOf('src/authorization-server/token/authorization-code-grant.test.ts');
const callback = testsOf('src/authorization-server/authorization/callback-endpoint.test.ts');
const pages = testsOf('src/platform/html/page.test.ts');
const uris = testsOf('src/protocol/redirect-uri.test.ts');
const mounts = testsOf('test/requirements/many-mounts.test.ts');
const scopeFlows = testsOf('test/flows/scopes.test.ts');
const scopes = testsOf('src/protocol/scope.test.ts');
const token = testsOf('test/requirements/token.test.ts');
const choices = testsOf('src/authorization-server/authorization/consent-endpoint.test.ts');
const chromium = testsOf('test/browser/sign-in.test.ts');

const comesOut = request('comes out as its terms, from a GET and from a POST');

export const authorization: Section = {
  letter: 'E',
  title: 'Authorization endpoint',
  rows: [
    {
      id: 65,
      level: 'must',
      source: 'OAuth 2.1 §4.1.2.1; MCP Open Redirection',
      sentence: 'Without a known client and one of its redirect URIs the error is a page, never a redirect.',
      provedBy: [comesOut],
      refusedBy: [
        redirects('22: a redirect URI that is not registered gets an error page, never a redirect'),
        redirects('22: a redirect URI of another client gets an error page'),
        request('stays on a page: %s'),
      ],
    },
    {
      id: 66,
      level: 'must',
      source: 'OAuth 2.1 §2.3.1; RFC 8252 §7.3; Claude Code',
      sentence:
        'Redirect URIs are equal byte for byte; only the port of a loopback one is free, however the client is known.',
      provedBy: [
        uris('finds %s, byte for byte'),
        uris('finds the loopback URI %s on any port (RFC 8252 §7.3)'),
        request('takes any port of a registered loopback redirect URI'),
      ],
      refusedBy: [
        redirects('24: near misses of a registered URI are refused: equality of bytes, nothing less'),
        redirects('25: another case of scheme, host, path or escape is another URI'),
      ],
      deviation:
        'RFC 8252 frees the port of the IP literals alone; Claude Code and mcp-remote need it for localhost.',
    },
    {
      id: 67,
      level: 'must',
      source: 'OAuth 2.1 §4.1.1, §7.5.2',
      sentence: 'A request has a code challenge with S256; without one the client hears `invalid_request`.',
      provedBy: [comesOut],
      refusedBy: [attacks('67: PKCE with %o is refused'), request('tells the client, with its state: %o')],
    },
    {
      id: 68,
      level: 'should',
      source: 'RFC 7636 §4.2',
      sentence: 'A code challenge is 43 characters of base64url, as S256 makes it.',
      provedBy: [pkce('accepts an S256 challenge')],
      refusedBy: [pkce('refuses the challenge %j with the method %j')],
    },
    {
      id: 69,
      level: 'must',
      source: 'OAuth 2.1 §4.1.2.1',
      sentence: 'A response type other than `code` is `unsupported_response_type`.',
      provedBy: [comesOut],
      refusedBy: [attacks('68: %s=%s is refused'), request('tells the client, with its state: %o')],
    },
    {
      id: 70,
      level: 'must',
      source: 'RFC 6749 §4.1.2; TypeScript SDK',
      sentence: '`state` may be absent; when it came it goes back once, byte for byte.',
      provedBy: [
        request('does without a state'),
        attacks('74: the state %j comes back as it was, by a provider URL below 4 kB'),
      ],
      refusedBy: [attacks('74: a state of %s is refused and returned nowhere')],
    },
    {
      id: 71,
      level: 'must',
      source: 'RFC 9207 §2; MCP Authorization Response Validation',
      sentence: 'Every answer to a client, code and error alike, names the issuer once.',
      provedBy: [
        attacks('78: every answer to the client names the issuer once, as the metadata does'),
        callback('hands the client a code, its state and the issuer, and ends the flow'),
      ],
      refusedBy: [attacks('78: a redirect URI that carries its own %s does not register')],
    },
    {
      id: 72,
      level: 'must',
      source: 'OAuth 2.1 §3.1',
      sentence: 'A parameter that comes twice is `invalid_request`, `resource` excepted.',
      provedBy: [request('takes several resources when each is ours')],
      refusedBy: [
        attacks('66: a parameter that comes twice is refused on a page, wherever it comes'),
        request('stays on a page when %s comes twice'),
      ],
    },
    {
      id: 73,
      level: 'must',
      source: 'RFC 8707 §2',
      sentence: 'A resource that is unknown, relative or has a fragment is `invalid_target`.',
      provedBy: [request('binds to the one resource when asked for %s')],
      refusedBy: [attacks('72: a resource is ours, in any spelling of it, or the target is invalid')],
    },
    {
      id: 74,
      level: 'should',
      source: 'MCP Canonical Server URI; older TypeScript SDKs',
      sentence: 'Resources are compared in one spelling: case of the host, default port, a slash at the end.',
      provedBy: [uriForms('reads %s as %s')],
      refusedBy: [uriForms('has no reading of %j')],
    },
    {
      id: 75,
      level: 'product',
      source: 'MCP 2025-03-26; MCP Token Audience Binding',
      sentence:
        'Without a resource the one there is, or the one configured for this, is meant; else `invalid_target`.',
      provedBy: [
        resources('are found by name, and the default one by none and by the issuer'),
        mounts('75: a request that names none is for the default one, and invalid_target without one'),
      ],
      refusedBy: [resources('without a default leave %j without a meaning')],
    },
    {
      id: 76,
      level: 'must',
      source: 'OAuth 2.1 §1.4.1, §3.2.3; ChatGPT',
      sentence:
        'Without a scope there is a default; unknown scopes are dropped; the answer names what was granted.',
      provedBy: [
        request('drops scopes that the resource does not have'),
        scopes('takes %j for %j'),
        scopeFlows('asked for %j, without %j, come to %j'),
        token('113: answers Bearer, a whole expires_in, and no null'),
      ],
      refusedBy: [
        attacks('73: no scope can be asked into being'),
        scopes('refuses %j, of which nothing exists'),
        choices('grants nothing to a form with %o added'),
      ],
      deviation: 'Of unknown scopes the known rest is granted; `invalid_scope` only when nothing is left.',
    },
    {
      id: 77,
      level: 'must',
      source: 'OAuth 2.1 §3.1; OpenID Connect Core §3.1.2.1',
      sentence: 'Parameters of OpenID and unknown ones break nothing; `prompt=none` issues nothing.',
      provedBy: [
        request('goes on with %s'),
        attacks('71: %o reaches the identity provider, and its answer is held to it'),
      ],
      refusedBy: [attacks('71: prompt=none never issues, and no prompt skips the question')],
      deviation:
        '`prompt=none` is `consent_required`, not `login_required`: every request is asked about, so it is true whoever is logged in.',
    },
    {
      id: 78,
      level: 'should',
      source: 'OAuth 2.1 §3.1',
      sentence: 'GET and POST alike; what was asked is kept where the browser cannot edit it.',
      provedBy: [comesOut],
      refusedBy: [consent('19: the form has no parameter to edit, and takes none')],
    },
    {
      id: 79,
      level: 'must',
      source: 'RFC 9700 §4.12',
      sentence: 'No redirect makes a browser post again what it posted.',
      provedBy: [redirects('38: no answer to a POST makes the browser post its body on')],
      refusedBy: 'nothing to refuse',
    },
    {
      id: 80,
      level: 'must',
      source: 'OAuth 2.1 §2.3',
      sentence: 'The query of a registered redirect URI is kept, and the answer appended to it.',
      provedBy: [answers('keeps the bytes of %s')],
      refusedBy: [
        redirects(
          '28: a registered query may not hold a name of the response, and is matched and kept byte for byte',
        ),
      ],
    },
    {
      id: 81,
      level: 'must',
      source: 'OAuth 2.1 §4.1.2, §7.5',
      sentence:
        'A code cannot be guessed, lasts 60 seconds, works once, and for its client, redirect URI, challenge and resource.',
      provedBy: [codes('takes a code in its last second and refuses it after sixty')],
      refusedBy: [
        tokens('82: of 16 parallel redemptions of each of 200 codes over two replicas exactly one succeeds'),
        tokens('84: a code presented by another client is refused and still good for its own'),
        redirects('35: a code is bound to its redirect URI, byte for byte, port and all'),
        codes('refuses another resource and keeps the code'),
      ],
    },
    {
      id: 82,
      level: 'must',
      source: 'OAuth 2.1 §4.1.3',
      sentence: 'The second use of a code is refused and ends what the first one issued.',
      provedBy: [codes('ends the grant when a spent code comes back')],
      refusedBy: [
        tokens('83: a replayed code ends what the first exchange issued, from the next request on'),
      ],
    },
    {
      id: 83,
      level: 'must',
      source: 'Security Best Practices, Consent UI Requirements; RFC 9700 §4.2, §4.16',
      sentence: 'Pages cannot be framed or cached, send no referrer, and have nothing of third parties.',
      provedBy: [
        pages('cannot be framed, cached or sniffed'),
        pages('allows nothing but its own stylesheet, by the hash of what is in the page'),
      ],
      refusedBy: [
        consent('16: no page can be framed, and Approve is not armed at once'),
        chromium('16: cannot be framed'),
      ],
      deviation:
        'The page with the form says `same-origin` for the referrer: with `no-referrer` its own POST could not be told from a forged one.',
    },
  ],
};
