import type { OptionalSetting, Warn } from './setting.ts';

type Extras = Omit<OptionalSetting<boolean>, 'accepts' | 'defaultText' | 'unset' | 'parse' | 'secret'>;

/**
 * A switch that is on unless it says `false`, in any letter case. `0`, `no` and `off` leave it on, as they always
 * have: a deployment that wrote one of them must not lose a defence by an upgrade. They are warned about.
 */
export function onUnlessFalse(name: string, extras: Extras): OptionalSetting<boolean> {
  return {
    accepts: '`false` turns it off; anything else leaves it on',
    defaultText: 'true',
    unset: true,
    parse: (text, warn) => readSwitch(name, text, true, warn),
    ...extras,
  };
}

/** A switch that is off unless it says `true`, in any letter case. `1`, `yes` and `on` leave it off. */
export function offUnlessTrue(name: string, extras: Extras): OptionalSetting<boolean> {
  return {
    accepts: '`true` turns it on; anything else leaves it off',
    defaultText: 'false',
    unset: false,
    parse: (text, warn) => readSwitch(name, text, false, warn),
    ...extras,
  };
}

function readSwitch(name: string, text: string, whenUnclear: boolean, warn: Warn): boolean {
  const word = text.toLowerCase();
  if (word === 'true') return true;
  if (word === 'false') return false;
  warn({
    event: 'boolean_not_recognised',
    message: `${name} is neither true nor false and counts as ${whenUnclear}`,
  });
  return whenUnclear;
}
