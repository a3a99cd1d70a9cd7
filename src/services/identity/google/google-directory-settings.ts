/** How the directory of a Google Workspace is asked, and for what. */
export interface GoogleDirectorySettings {
  /** `users`: whether people are still there. `groups`: the groups they are members of, too. `nested`: and those around these. */
  readonly reads: 'users' | 'groups' | 'nested';
  /** One of the domains, by which the start finds out whether anything can be read. */
  readonly domain: string;
  /** The administrator in whose name it is read. Undefined: the service account has a role of its own. */
  readonly admin: string | undefined;
  /** Undefined: the one that the platform or the credential configuration names. */
  readonly serviceAccount: string | undefined;
  /** Of a credential configuration for workload identity federation. Undefined: Google's metadata server is asked. */
  readonly credentialsPath: string | undefined;
  /** The addresses of groups that are kept. Undefined: all of a person's. */
  readonly keeps: readonly string[] | undefined;
}

/** The address of a group, as Google writes it: in lower case. */
export const groupAddressSyntax = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;
