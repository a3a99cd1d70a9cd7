import { offUnlessTrue, onUnlessFalse } from './boolean-setting.ts';
import type { ListenAddress } from './config.ts';
import { parseDuration } from './go-duration.ts';
import { isLoopbackHost, parseListenAddress } from './listen-address.ts';
import { parseInteger, parseOnOff, splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';
import {
  parseHosts,
  parseOrigins,
  parsePublicUrl,
  parseUpstreamUrl,
  reservedPaths,
  type PublicUrl,
  type UpstreamUrl,
} from './url-values.ts';

const oneHour = 3600;
const fiveMinutes = 300;
const fifteenMinutes = 900;
const bodyDefault = 16_777_216;
const bodyCeiling = 1_073_741_824;
const maxWorkers = 64;

/** Where this server is, and what stands behind it. */
export const serverSettings = {
  GATEHOUSE_CONFIG: {
    description:
      'A YAML file with what variables cannot say: many mounts and what belongs to each, and with any of these variables under `settings`, unless the environment sets them. See [the configuration file](configuration-file.md).',
    accepts: 'a path',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  PROD_MODE: onUnlessFalse('PROD_MODE', {
    description:
      'Production mode: unsafe settings stop the start. Off, they are allowed and warned about; never switch it off where strangers can reach the server.',
    warnAbout: (on) =>
      on
        ? undefined
        : { event: 'production_mode_off', message: 'PROD_MODE=false: unsafe settings are not refused' },
  }),
  PROXY_BASE_URL: {
    description:
      'The public URL of this server: the OAuth issuer, the base of every published URL, and bound into every token. The redirect URI to register with the identity provider is this plus `/callback`. Host in lower case and without default port, whatever is written here.',
    accepts: '`https://` and host, no path; `http://` for loopback only',
    whenMissing: 'set it to the public URL of this server, such as https://mcp.example.com',
    parse: parsePublicUrl,
  } satisfies Setting<PublicUrl>,
  UPSTREAM_MCP_URL: {
    description:
      'The MCP server behind this one; required unless the file of `GATEHOUSE_CONFIG` has `mounts`. Its path is also the public path, verbatim: `http://127.0.0.1:3000/mcp` is published as `PROXY_BASE_URL` + `/mcp`.',
    accepts: `\`http://\` or \`https://\`, host and a path of letters, digits and \`-._~\`; not a path that this server answers itself (${reservedPaths.map((path) => `\`${path}\``).join(', ')})`,
    unset: undefined,
    parse: parseUpstreamUrl,
    warnAbout: (upstream) =>
      upstream === undefined || upstream.loopback || upstream.origin.startsWith('https:')
        ? undefined
        : {
            event: 'upstream_cleartext',
            message: 'UPSTREAM_MCP_URL is http to another machine: identities travel readable and forgeable',
          },
  } satisfies Setting<UpstreamUrl | undefined>,
  UPSTREAM_AUTHORIZATION_HEADER: {
    description: 'Sent verbatim as `Authorization` to the upstream, so that it can refuse everybody else.',
    accepts: 'a header value, such as `Bearer …`',
    secret: true,
    unset: undefined,
    parse: parseHeaderValue,
  } satisfies Setting<string | undefined>,
  UPSTREAM_HEADER_TIMEOUT: {
    description:
      'How long the upstream may take until its response headers; a slow tool that answers in JSON needs all of it. Bodies and streams are not limited.',
    accepts: 'duration, 1s to 1h',
    defaultText: '5m',
    unset: 300,
    parse: (text) => parseDuration(text, { minSeconds: 1, maxSeconds: oneHour, text: '1s to 1h' }),
  } satisfies Setting<number>,
  UPSTREAM_CONNECT_TIMEOUT: {
    description:
      'How long a new connection to the upstream may take, with its TLS handshake. Past it the call is answered with 504.',
    accepts: 'duration, 1s to 5m',
    defaultText: '10s',
    unset: 10,
    parse: (text) => parseDuration(text, { minSeconds: 1, maxSeconds: fiveMinutes, text: '1s to 5m' }),
  } satisfies Setting<number>,
  UPSTREAM_IDLE_TIMEOUT: {
    description:
      'How long a connection to the upstream is kept without a call. Below the time after which the upstream closes it, and calls never meet one that is just being closed; what the upstream says of that (`Keep-Alive: timeout`) is kept by itself.',
    accepts: 'duration, 1s to 1h',
    defaultText: '4s',
    unset: 4,
    parse: (text) => parseDuration(text, { minSeconds: 1, maxSeconds: oneHour, text: '1s to 1h' }),
  } satisfies Setting<number>,
  FAST_LANE: {
    description:
      "Whether plain calls to the mount are read from the socket without Node's HTTP server in between. The rules are the same; `off` costs time alone.",
    accepts: '`on` or `off`',
    defaultText: 'on',
    unset: true,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
  SESSION_BINDING: {
    description:
      'Whether a session of an upstream (`Mcp-Session-Id`) is for the person and the client alone that it was opened for; others get 404. Clients see ids that end with a tag of ours, upstreams their own. With `off`, whoever knows the id of a session and may call the mount is in it. Turn it off for clients that hand their sessions on to others. See [browser clients](browser-clients.md#sessions).',
    accepts: '`on` or `off`',
    defaultText: 'on',
    unset: true,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
  MAX_BODY_BYTES: {
    description: 'The largest request body that is forwarded to the upstream; more is answered with 413.',
    accepts: `integer, 1 to ${bodyCeiling}`,
    defaultText: String(bodyDefault),
    unset: bodyDefault,
    parse: (text) => parseInteger(text, 1, bodyCeiling),
  } satisfies Setting<number>,
  MCP_RESOURCE_NAME: {
    description: 'The name of the MCP server for people: on the consent page and in the resource metadata.',
    accepts: 'text',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  ALLOWED_ORIGINS: {
    description:
      'Web pages of these origins may call the MCP endpoint from a browser. A request with any other `Origin` is refused there, which stops DNS rebinding.',
    accepts: 'comma-separated origins, exactly as browsers send them',
    separator: ',',
    unset: [],
    parse: (text) => parseOrigins(splitList(text)),
  } satisfies Setting<readonly string[]>,
  ALLOWED_HOSTS: {
    description:
      'Hosts under which this server may be asked, beside those of `PROXY_BASE_URL` and of the mounts: names that a load balancer or a health check uses. A request with any other `Host` is refused. Unset, every `Host` is taken where `PROXY_BASE_URL` is not on loopback, since nothing is made of it. See [browser clients](browser-clients.md#hosts).',
    accepts: 'comma-separated hosts, each with a port or good for every port',
    separator: ',',
    unset: [],
    parse: (text) => parseHosts(splitList(text)),
  } satisfies Setting<readonly string[]>,
  LISTEN_ADDR: {
    description:
      'The public listener. When `PROXY_BASE_URL` is loopback, the default is the loopback interface and the port of that URL (8080 if it names none).',
    accepts: '`host:port`, `[IPv6]:port` or `:port`',
    defaultText: ':8080',
    unset: undefined,
    parse: parseListenAddress,
  } satisfies Setting<ListenAddress | undefined>,
  METRICS_ADDR: {
    description:
      'The private listener: `/metrics`, `/readyz`, `/healthz`. It asks nobody who they are; keep it where only your monitoring reaches it. On a loopback address it answers only when `Host` is loopback, too, which stops DNS rebinding.',
    accepts: '`host:port`, `[IPv6]:port` or `:port`; not the address of the public listener',
    defaultText: '127.0.0.1:9090',
    unset: { host: '127.0.0.1', port: 9090 },
    parse: parseListenAddress,
    warnAbout: (address) =>
      address.host !== undefined && isLoopbackHost(address.host)
        ? undefined
        : {
            event: 'metrics_listener_exposed',
            message: 'METRICS_ADDR is not loopback: whoever reaches it reads metrics without logging in',
          },
  } satisfies Setting<ListenAddress>,
  SHUTDOWN_TIMEOUT: {
    description:
      'How long calls under way may go on after SIGTERM or SIGINT. A second signal ends the process.',
    accepts: 'duration, more than 0, up to 15m',
    defaultText: '120s',
    unset: 120,
    parse: (text) =>
      parseDuration(text, { minSeconds: 1e-9, maxSeconds: fifteenMinutes, text: 'more than 0, up to 15m' }),
  } satisfies Setting<number>,
  SHUTDOWN_DELAY: {
    description:
      'How long new connections are still taken after SIGTERM or SIGINT, while `/readyz` says 503 already and answers carry `Connection: close`: load balancers get that long to look elsewhere. Part of `SHUTDOWN_TIMEOUT`. Set it to a little more than the time in which yours notice, 5s to 15s as a rule; without any, leave it.',
    accepts: 'duration, 0 to 5m, less than `SHUTDOWN_TIMEOUT`',
    defaultText: '0',
    unset: 0,
    parse: (text) => parseDuration(text, { minSeconds: 0, maxSeconds: fiveMinutes, text: '0 to 5m' }),
  } satisfies Setting<number>,
  WORKERS: {
    description:
      'How many processes serve the public port, each on a core of its own; `auto`: one for each core that this process may use. They are one gatehouse to everybody outside: one metrics endpoint, one set of limits and revocations. See [workers](workers.md).',
    accepts: `integer, 1 to ${maxWorkers}, or \`auto\`; more than 1 not with \`STORE_PATH=:memory:\``,
    defaultText: '1',
    unset: 1,
    parse: (text) => (text.trim().toLowerCase() === 'auto' ? 'auto' : parseInteger(text, 1, maxWorkers)),
  } satisfies Setting<number | 'auto'>,
  MCP_TOOL_METRICS: offUnlessTrue('MCP_TOOL_METRICS', {
    description: 'Counts calls by tool name on `/metrics`.',
  }),
  MCP_TOOL_METRICS_MAX_CARDINALITY: {
    description: 'How many tool names are counted apart; the others count as `_overflow`. 0: no cap.',
    accepts: 'integer, 0 or more',
    defaultText: '256',
    unset: 256,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
};

// RFC 9110 §5.5: visible characters, blanks inside, and bytes above ASCII; a line break would start a second header.
function parseHeaderValue(text: string): string {
  if (!/^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(text)) {
    throw new ValueProblem(
      'is not a header value',
      'write one line without blanks at its ends and without control characters',
    );
  }
  return text;
}
