import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import type { GatehouseConfig } from './config.ts';
import { entersByEmail, entersByLogin } from './file/entry-section.ts';
import type { ConfigProblem } from './setting.ts';
import { findCulprit } from './unverified-email.ts';

type Judged = Pick<GatehouseConfig, 'identityProviders' | 'trustedIssuers' | 'mounts' | 'entry'>;

/** Entry rules that what is in force makes worthless, or that nobody could satisfy. */
export function findEntryProblems(config: Judged): readonly ConfigProblem[] {
  const culprits = config.mounts.map((mount) => findCulprit(config, mount) ?? findForeignCulprit(mount));
  return [
    ...judge(
      'entry',
      config.entry,
      culprits.find((each) => each !== undefined),
      config,
    ),
    ...config.mounts.flatMap(({ entry }, index) =>
      judge(`mounts[${index}].entry`, entry, culprits[index], config),
    ),
  ];
}

function judge(
  variable: string,
  entry: EntrySettings | undefined,
  culprit: string | undefined,
  { identityProviders }: Judged,
): ConfigProblem[] {
  if (entry === undefined) return [];
  const problems: ConfigProblem[] = [];
  if (culprit !== undefined && entersByEmail(entry)) {
    const problem = `goes by e-mail addresses, and ${culprit} takes those that nobody verified`;
    problems.push({ variable, problem, fix: `unset ${culprit}, or write groups or subjects` });
  }
  const comeByGitHub =
    identityProviders.length > 0 && identityProviders.every(({ preset }) => preset === 'github');
  if (comeByGitHub && entersByLogin(entry)) {
    const problem = 'asks how people logged in, and GitHub does not say it';
    const fix = 'remove acr, amr and max_authentication_age: nobody could enter';
    problems.push({ variable, problem, fix });
  }
  return problems;
}

function findForeignCulprit({ accepts }: GatehouseConfig['mounts'][0]): string | undefined {
  return accepts?.trustUnverifiedEmail === true ? 'trust_unverified_email of accepts' : undefined;
}
