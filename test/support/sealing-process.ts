/**
 * A process that seals, as one replica of many with the same secret. Arguments: how many values, the secret. Writes the
 * nonces of its values, one per line.
 */
import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { accessTokenPurpose } from '../../src/services/tokens/access-token.ts';

const [count = '0', secret = ''] = process.argv.slice(2);
const sealer = createSealer({ secrets: [secret], context: 'https://gatehouse.test', random: systemRandom });
const nonces = Array.from({ length: Number(count) }, () => {
  const sealed = sealer.seal(accessTokenPurpose, 'x').slice(accessTokenPurpose.prefix.length);
  return Buffer.from(sealed, 'base64url').subarray(5, 17).toString('base64url');
});
process.stdout.write(`${nonces.join('\n')}\n`);
