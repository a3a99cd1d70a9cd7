import type { GatehouseConfig } from '../gateway/config/config.ts';
import type { ReadFile } from '../gateway/config/read-settings.ts';
import type { ConfigProblem } from '../gateway/config/setting.ts';
import {
  CredentialConfigurationError,
  parseCredentialConfiguration,
} from '../services/identity/google/credential-configuration.ts';

/** What is wrong with the credential configurations that identity providers name: of each the first that there is. */
export function findCredentialConfigurationProblems(
  { identityProviders }: Pick<GatehouseConfig, 'identityProviders'>,
  readFile: ReadFile,
): ConfigProblem[] {
  return identityProviders.flatMap(({ directory }) => {
    const path = directory?.credentialsPath;
    if (directory === undefined || path === undefined) return [];
    const variable = 'GOOGLE_WORKLOAD_CREDENTIALS_PATH';
    try {
      const { serviceAccount = directory.serviceAccount } = parseCredentialConfiguration(
        read(path, readFile),
      );
      if (serviceAccount !== undefined) return [];
      const fix =
        'write it again with --service-account, or set GOOGLE_DIRECTORY_SERVICE_ACCOUNT to whom it may act as';
      return [{ variable, problem: 'names a file that names no service account', fix }];
    } catch (error) {
      if (!(error instanceof CredentialConfigurationError)) throw error;
      return [{ variable, problem: `names a file that ${error.problem}`, fix: error.fix }];
    }
  });
}

function read(path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch {
    throw new CredentialConfigurationError('cannot be read', 'name a file that this process may read');
  }
}
