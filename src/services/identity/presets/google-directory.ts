import type { GoogleDirectorySettings } from '../google/google-directory-settings.ts';
import { googleDirectoryVariables } from './google-directory-variables.ts';
import type { PresetProblem, PresetValues } from './preset.ts';

const kinds = ['users', 'groups', 'nested'] as const;

/** How the directory is asked, as the variables have it. Undefined: it is not. */
export function findGoogleDirectory(values: PresetValues): GoogleDirectorySettings | undefined {
  const reads = kinds.find((kind) => kind === values['GOOGLE_DIRECTORY']);
  if (reads === undefined) return undefined;
  return {
    reads,
    domain: values['GOOGLE_HOSTED_DOMAIN']?.split(',')[0] ?? '',
    admin: values['GOOGLE_DIRECTORY_ADMIN'],
    serviceAccount: values['GOOGLE_DIRECTORY_SERVICE_ACCOUNT'],
    credentialsPath: values['GOOGLE_WORKLOAD_CREDENTIALS_PATH'],
    keeps: values['GOOGLE_DIRECTORY_GROUPS']?.split(','),
  };
}

export function findGoogleDirectoryProblems(
  values: PresetValues,
): ReadonlyArray<PresetProblem & { readonly variable: string }> {
  const directory = findGoogleDirectory(values);
  if (directory === undefined) {
    return Object.keys(googleDirectoryVariables)
      .filter((name) => name !== 'GOOGLE_DIRECTORY' && values[name] !== undefined)
      .map((variable) => ({
        variable,
        problem: 'is set, and GOOGLE_DIRECTORY is not: it would have no effect',
        fix: 'set GOOGLE_DIRECTORY to users, groups or nested, or unset it',
      }));
  }
  return [
    ...(directory.domain === ''
      ? [
          {
            variable: 'GOOGLE_HOSTED_DOMAIN',
            problem: 'is not set, and GOOGLE_DIRECTORY is: of other accounts the directory knows nothing',
            fix: 'set it to the primary domain of your organisation',
          },
        ]
      : []),
    ...(directory.reads === 'users' && directory.keeps !== undefined
      ? [
          {
            variable: 'GOOGLE_DIRECTORY_GROUPS',
            problem: 'is set, and GOOGLE_DIRECTORY=users reads no groups',
            fix: 'set GOOGLE_DIRECTORY=groups, or unset it',
          },
        ]
      : []),
  ];
}
