import { type Setting, ValueProblem } from './setting.ts';

/** Ways to get tokens beyond a browser on the same machine. Each is off until it is wanted. See docs/grants/. */
export const grantTypeSettings = {
  DEVICE_AUTHORIZATION: {
    description:
      'Whether devices and programs without a browser may sign people in: they show a code, and the person types it at `/device` on any other device. Whoever can talk a person into typing a code gets access as that person, which no page can prevent for certain: leave it off where no client needs it. See [device authorization](grants/device-authorization.md).',
    accepts: '`on` or `off`',
    defaultText: 'off',
    unset: false,
    parse: parseSwitch,
  } satisfies Setting<boolean>,
};

function parseSwitch(text: string): boolean {
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw new ValueProblem('is neither on nor off', 'write on or off');
}
