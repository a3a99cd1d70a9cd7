import { findGoodProviders } from '../gateway/config/file/identity-providers-section.ts';
import type { ConfigFile } from '../gateway/config/file/config-file.ts';
import type { GivenConfig } from '../gateway/config/file/given-file.ts';
import { findIssuerOf } from '../gateway/config/identity-provider-config.ts';
import { type Environment, readSettings } from '../gateway/config/read-settings.ts';
import type { SettingValues } from '../gateway/config/schema.ts';
import { isAllowedGroup } from '../services/identity/claims.ts';
import type { PolicyCaller } from '../services/policy/rule.ts';

type Mount = NonNullable<ConfigFile['mounts']>[0];

/** What is known, without secrets, of where people log in. */
export interface KnownProviders {
  /** Who knows people and groups that rules of the mount name without an issuer. Empty: the file does not say. */
  readonly homeIssuer: string;
  /** The key or variable of the groups that somebody has none of. Undefined: they may log in. */
  findRefusal(caller: PolicyCaller): string | undefined;
}

interface Provider {
  readonly issuer: string;
  readonly allowedGroups: readonly string[];
  /** Where the groups are written. */
  readonly key: string;
}

/** By the file, and the variables beside it. */
export function readProviders(given: Pick<GivenConfig, 'env' | 'raw'>, mount: Mount): KnownProviders {
  const listed = findGoodProviders(given.raw['identity_providers']);
  const providers =
    listed.length > 0 ? listed.map(describe) : [describeBy(readWithoutSecrets(given.env), 'ALLOWED_GROUPS')];
  const fitting = listed.findIndex(([, { name }]) => mount.identity_providers?.includes(name) ?? true);
  const [accepted] = Object.values(mount.accepts ?? {}).filter((kind) => kind !== undefined);
  const home = providers[Math.max(fitting, 0)];
  const homeIssuer = accepted?.issuer ?? home?.issuer ?? '';
  return {
    homeIssuer,
    findRefusal({ identityIssuer, groups }) {
      const own = providers.filter(({ issuer }) => issuer === identityIssuer);
      // Of whom none of them knows, the rule of each is asked.
      const asked = own.length > 0 ? own : providers;
      return asked.find(({ allowedGroups }) => !isAllowedGroup(groups, allowedGroups))?.key;
    },
  };
}

function describe([index, { values }]: ReturnType<typeof findGoodProviders>[0]): Provider {
  const known: Partial<SettingValues> = { ...readWithoutSecrets({}), ...values };
  return describeBy(known, `identity_providers[${index}].allowed_groups`);
}

function describeBy(values: Partial<SettingValues>, key: string): Provider {
  return { issuer: findIssuerOf(values) ?? '', allowedGroups: values.ALLOWED_GROUPS ?? [], key };
}

/** A secret that is in a file is none of those that are read. */
function readWithoutSecrets(env: Environment): Partial<SettingValues> {
  return readSettings(env, () => {
    throw new Error('nobody asks for secrets');
  }).values;
}
