import type { Lease } from '../../services/tokens/grants.ts';
import type { RefreshToken } from '../../services/tokens/refresh-token.ts';
import type { TokenDeps } from './grant-type.ts';

/** Three seconds in all, close together at first: most providers answer within a tenth of one. */
const pausesMilliseconds = [25, 25, 50, 50, 100, 100, 150, ...Array.from({ length: 10 }, () => 250)];

/**
 * Of all requests with the same refresh token, wherever they arrived, lets one go on; the others wait for the successor
 * it makes. A provider that replaces its refresh tokens takes the second question for theft.
 */
export async function takeTurn(
  token: RefreshToken,
  holder: string,
  { grants, pause }: Pick<TokenDeps, 'grants' | 'pause'>,
): Promise<Lease> {
  let turn = await grants.lease(token, holder);
  for (const milliseconds of pausesMilliseconds) {
    if (turn.outcome !== 'busy') return turn;
    await pause(milliseconds);
    turn = await grants.lease(token, holder);
    // It was the current token when it came: no theft, even if its successor was used while this request waited.
    if (turn.outcome === 'reused') return { outcome: 'busy' };
  }
  return turn;
}
