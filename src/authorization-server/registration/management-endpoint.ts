/**
 * GET, PUT, DELETE /registration?client_id=…: a client reads or ends its registration.
 *
 * Owns who may do so, and the answers. Does not own what a client id is made of (services/clients).
 *
 * 1. the registration access token opens, and is the one of the client in the query; else one 401 for everything
 * 2. GET: what is registered
 * 3. PUT: a registration is sealed into its id, so that other metadata would be another client. The same metadata is
 *    answered like GET, anything else refused with the way out: register anew
 * 4. DELETE: everything that was granted to the client is cut off, then its id is denied. In this order: should the
 *    store fail in between, the client can still try again
 *
 * @see RFC 7592 §2
 */
import type { Clock } from '../../platform/clock.ts';
import type { Handler } from '../../platform/http/handler.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseParameters } from '../../protocol/parameters.ts';
import type { RedirectUriRules } from '../../protocol/redirect-uri.ts';
import type { Emit } from '../../services/audit/events.ts';
import { abbreviateClient, type Client, type GrantTypeName } from '../../services/clients/client.ts';
import type { Clients } from '../../services/clients/clients.ts';
import type { DeniedClients } from '../../services/clients/denied-clients.ts';
import { readJsonRequest } from '../../services/requests/json-request.ts';
import type { Revocations } from '../../services/tokens/revocations.ts';
import { describeClient } from './client-information.ts';
import { parseClientMetadata } from './client-metadata.ts';
import { createHourlyBudget, type HourlyBudget } from './hourly-budget.ts';
import { parseRedirectUris } from './redirect-uris.ts';
import { openRegistrationAccessToken } from './registration-access-token.ts';

export interface RegistrationManagementDeps extends RedirectUriRules {
  readonly issuer: string;
  readonly clients: Pick<Clients, 'find'>;
  readonly deniedClients: Pick<DeniedClients, 'deny'>;
  readonly revocations: Pick<Revocations, 'cutOff'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Those that whoever registers may use. */
  readonly grantTypes: readonly GrantTypeName[];
}

/** Each deletion leaves a record, and registering costs a stranger nothing: this bounds what the records come to. */
const deletionsPerHour = 120;
/** Until every process has heard of the denial, one of them may still grant something. */
const settleSeconds = 5;

/**
 * @throws OAuthError `invalid_token` (401), reason `registration_token_invalid`; `invalid_client_metadata`,
 * `invalid_redirect_uri` and `invalid_request` as registration does; `temporarily_unavailable` (429), reason
 * `rate_limited`. Rejects with `StoreError`.
 */
export function createRegistrationManagementEndpoint(deps: RegistrationManagementDeps): Handler {
  const budget = createHourlyBudget(deletionsPerHour, deps.clock);
  return async (request, context) => {
    const token = readBearer(request);
    const client = await findOwnClient(request, token, deps);
    if (request.method === 'DELETE') return deleteClient(client, budget, context.requestId, deps);
    if (request.method === 'PUT') await checkUnchanged(request, client, deps);
    const { issuer, grantTypes } = deps;
    return Response.json(describeClient(client, { token, issuer, grantTypes }), { headers: noStore });
  };
}

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };

function readBearer(request: Request): string {
  const token = /^bearer ([A-Za-z0-9_-]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (token === undefined) throw refuseToken();
  return token;
}

async function findOwnClient(
  request: Request,
  token: string,
  deps: RegistrationManagementDeps,
): Promise<Client> {
  const owner = openRegistrationAccessToken(deps.sealer, token);
  const clientId = parseParameters(new URL(request.url).searchParams).find('client_id');
  try {
    const client = await deps.clients.find(clientId);
    if (client.fingerprint === owner?.fingerprint) return client;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
  }
  throw refuseToken();
}

/** RFC 7592 §2.1: whether the client, the token or both are wrong is not told apart. */
function refuseToken(): OAuthError {
  return new OAuthError('invalid_token', 'The registration access token is not valid for this client', {
    reason: 'registration_token_invalid',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  });
}

async function checkUnchanged(
  request: Request,
  client: Client,
  deps: RegistrationManagementDeps,
): Promise<void> {
  const body = await readJsonRequest(request);
  if (body['client_id'] !== client.clientId)
    throw refuseChange('client_id is not the one of this registration');
  const metadata = parseClientMetadata(body, deps.grantTypes);
  const wanted = parseRedirectUris(body['redirect_uris'], metadata.applicationType, deps).accepted;
  const isSame =
    metadata.name === client.name &&
    wanted.length === client.redirectUris.length &&
    wanted.every((uri) => client.redirectUris.includes(uri));
  if (!isSame) throw refuseChange('A registration cannot be changed here; register anew and delete this one');
}

function refuseChange(what: string): OAuthError {
  return new OAuthError('invalid_client_metadata', what, { reason: 'client_metadata_invalid' });
}

async function deleteClient(
  client: Client,
  budget: HourlyBudget,
  requestId: string,
  deps: RegistrationManagementDeps,
): Promise<Response> {
  const waitSeconds = budget.take();
  if (waitSeconds > 0) {
    throw new OAuthError('temporarily_unavailable', 'Too many registrations were deleted; try again later', {
      reason: 'rate_limited',
      status: 429,
      retryAfterSeconds: waitSeconds,
    });
  }
  const before = deps.clock.nowSeconds() + settleSeconds;
  await deps.revocations.cutOff({ kind: 'client', key: client.fingerprint, before });
  await deps.deniedClients.deny(client.fingerprint, 'deleted');
  deps.emit({ type: 'client_deleted', client: abbreviateClient(client.fingerprint) }, requestId);
  return new Response(null, { status: 204, headers: noStore });
}
