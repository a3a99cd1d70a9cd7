/** What a client of a metadata document costs: CPU to find it in the cache, and to judge an assertion that it signed. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { SignJWT } from 'jose';

import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { createMemoryStore } from '../src/platform/store/memory-store.ts';
import { createClientAuthentication } from '../src/services/clients/client-authentication.ts';
import { createDocumentClients, type DocumentClients } from '../src/services/clients/document-clients.ts';
import { createFetchBudget } from '../src/services/clients/fetch-budget.ts';
import { createPublishedKeys } from '../src/services/clients/published-keys.ts';
import { parseStrictJson } from '../src/services/requests/strict-json.ts';
import { times } from './effort.ts';
import { ownCpuSeconds, spread, type Spread } from './measure.ts';

const issuer = 'https://gatehouse.example';
const clientUrl = 'https://client.example/oauth/client.json';
const finds = times(200_000, 50);
const assertions = times(2_000, 5);
const rounds = times(7, 1);

export interface ClientDocumentsBench {
  readonly cacheHitMicroseconds: Spread;
  readonly knownCacheHitMicroseconds: Spread;
  /** ES256, with a store in memory. */
  readonly assertionMicroseconds: Spread;
}

export async function benchClientDocuments(): Promise<ClientDocumentsBench> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { documents, documentDeps } = openDocuments(publicKey);
  await documents.find(clientUrl);
  const authenticate = createClientAuthentication({
    findClient: documents.findKnown,
    assertions: {
      clock,
      store: createMemoryStore({ clock }),
      publishedKeys: createPublishedKeys(documentDeps),
      audiences: [issuer],
    },
  });
  const headers = new Headers();
  return {
    cacheHitMicroseconds: await measure(finds, [clientUrl], (url) => documents.find(url)),
    knownCacheHitMicroseconds: await measure(finds, [clientUrl], (url) => documents.findKnown(url)),
    assertionMicroseconds: await measure(
      assertions,
      await Promise.all(Array.from({ length: assertions * rounds }, () => sign(privateKey))),
      (assertion) => authenticate({ headers }, { find: (name) => fieldsOf(assertion)[name] }, 'token'),
    ),
  };
}

function openDocuments(publicKey: KeyObject) {
  const document = {
    client_id: clientUrl,
    client_name: 'Bench',
    redirect_uris: ['https://client.example/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a' }] },
  };
  const documentDeps = {
    clock,
    fetch: () => Promise.resolve(Response.json(document)),
    parseJson: parseStrictJson,
    budget: createFetchBudget({ nowMs: () => clock.nowMilliseconds() }),
  };
  const documents: DocumentClients = createDocumentClients({
    ...documentDeps,
    isDenied: () => false,
    isHostAllowed: () => true,
    allowLoopback: false,
    privateUseSchemes: [],
  });
  return { documents, documentDeps };
}

function sign(key: KeyObject): Promise<string> {
  const jti = createHash('sha256').update(random.bytes(16)).digest('base64url');
  return new SignJWT({ iss: clientUrl, sub: clientUrl, aud: issuer, jti })
    .setProtectedHeader({ alg: 'ES256', kid: 'a' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key);
}

function fieldsOf(assertion: string): Readonly<Record<string, string>> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

/** CPU of one, in microseconds. The items go round. */
async function measure<Item>(
  count: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<Spread> {
  const figures: number[] = [];
  let next = 0;
  for (let round = 0; round < rounds; round += 1) {
    const begin = ownCpuSeconds();
    for (let done = 0; done < count; done += 1) {
      const item = items[next % items.length];
      next += 1;
      if (item !== undefined) await work(item);
    }
    figures.push(((ownCpuSeconds() - begin) * 1e6) / count);
  }
  return spread(figures, 2);
}
