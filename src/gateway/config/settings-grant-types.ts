import { type DpopMode, dpopModes } from '../../services/dpop/dpop-mode.ts';
import { parseOnOff } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';

/** Ways to get tokens beyond a browser on the same machine. Each is off until it is wanted. See docs/grants/. */
export const grantTypeSettings = {
  DEVICE_AUTHORIZATION: {
    description:
      'Whether devices and programs without a browser may sign people in: they show a code, and the person types it at `/device` on any other device. Whoever can talk a person into typing a code gets access as that person, which no page can prevent for certain: leave it off where no client needs it. See [device authorization](grants/device-authorization.md).',
    accepts: '`on` or `off`',
    defaultText: 'off',
    unset: false,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
  DPOP: {
    description:
      'Whether tokens are bound to a key of the client, so that who steals one can do nothing with it (RFC 9449). `optional`: the tokens of clients that prove a key are, and others get bearer tokens; `required`: nobody gets a token without a proof, which keeps out the many MCP clients that cannot make one. With `off`, proofs are passed over. Costs a signature for each call; see [tokens bound to a key](grants/dpop.md).',
    accepts: dpopModes.map((mode) => `\`${mode}\``).join(', '),
    defaultText: 'off',
    unset: 'off',
    parse: parseDpopMode,
  } satisfies Setting<DpopMode>,
  DPOP_NONCE: {
    description:
      'Whether proofs of keys have to name a nonce that this server gave out within the last two minutes (RFC 9449 §8 and §9), so that none can be made for later. Costs a client another request at first; one that knows no nonces stays out. Counts wherever `DPOP`, or `dpop` of a mount, is not `off`.',
    accepts: '`on` or `off`',
    defaultText: 'off',
    unset: false,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
};

function parseDpopMode(text: string): DpopMode {
  const mode = dpopModes.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new ValueProblem('is no such mode', `write ${dpopModes.join(', ')}`);
}
