import type { CertificateFiles } from '../../platform/tls/pem-files.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigProblem } from './setting.ts';

type Values = Partial<SettingValues>;

const pairs = [
  ['TLS_CERT_FILE', 'TLS_KEY_FILE'],
  ['UPSTREAM_CLIENT_CERT_FILE', 'UPSTREAM_CLIENT_KEY_FILE'],
] as const;

const upstreamVariables = ['UPSTREAM_CA_FILE', 'UPSTREAM_CLIENT_CERT_FILE'] as const;

/** Problems of the TLS variables together, and with the URLs that they are about. What the files hold is not looked at. */
export function findTlsProblems(values: Values): ConfigProblem[] {
  const problems: ConfigProblem[] = pairs.flatMap(([cert, key]) => {
    if ((values[cert] === undefined) === (values[key] === undefined)) return [];
    const [set, missing] = values[cert] === undefined ? [key, cert] : [cert, key];
    return [{ variable: missing, problem: `is not set, and ${set} is`, fix: 'set both or none of the two' }];
  });
  if (values.TLS_CERT_FILE !== undefined && values.PROXY_BASE_URL?.origin.startsWith('http:') === true) {
    problems.push({
      variable: 'PROXY_BASE_URL',
      problem: 'is http, and TLS_CERT_FILE makes the listener speak TLS alone',
      fix: 'write https, or unset TLS_CERT_FILE and TLS_KEY_FILE',
    });
  }
  if (values.UPSTREAM_MCP_URL?.origin.startsWith('http:') === true) {
    for (const variable of upstreamVariables) {
      if (values[variable] === undefined) continue;
      const fix = 'write https there, or unset it: what is not used protects nothing';
      problems.push({ variable, problem: 'is set, and UPSTREAM_MCP_URL is http', fix });
    }
  }
  return problems;
}

/** Both files of a certificate, or none: `findTlsProblems` has seen to it. */
export function pairOf(
  certFile: string | undefined,
  keyFile: string | undefined,
): CertificateFiles | undefined {
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}
