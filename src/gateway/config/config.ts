import type { EpochSeconds } from '../../platform/clock.ts';
import type { RedisConnection } from '../../platform/store/redis-connection.ts';
import type { CertificateFiles } from '../../platform/tls/pem-files.ts';
import type { HeaderPolicy } from '../../resource-server/proxy/header-policy.ts';
import type { DpopMode } from '../../services/dpop/dpop-mode.ts';
import type { TrustedIssuer } from '../../services/identity/assertions/trusted-issuer.ts';
import type { TokenAuthority } from '../../services/identity/foreign/token-authority.ts';
import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import type { ConfiguredClient } from '../../services/clients/configured-clients.ts';
import type { ClientKey } from '../../services/identity/client-credential.ts';
import type { GoogleDirectorySettings } from '../../services/identity/google/google-directory-settings.ts';
import type { OverageSettings } from '../../services/identity/group-overage.ts';
import type { IdentityRecheckMode } from '../../services/identity/identity-provider.ts';
import type { AzureIdentity } from '../../services/identity/workload/azure-metadata.ts';
import type { GitHubActionsSettings } from '../../services/identity/workload/github-actions.ts';
import type { PresetName } from '../../services/identity/presets/presets.ts';
import type { PolicyRules } from '../../services/policy/rule.ts';
import type { ScopeRules } from '../../services/resources/resource.ts';

/** Everything the gateway needs to know, parsed and checked. Made by `loadConfig`; rooms never see it whole. */
export interface GatehouseConfig {
  readonly productionMode: boolean;
  /** The issuer: scheme and host lower case, no default port, no path, no trailing slash. */
  readonly publicUrl: string;
  /** Public listener. `host` undefined: every interface. */
  readonly listen: ListenAddress;
  /** Shown by the public listener; undefined: it speaks no TLS. */
  readonly certificate: CertificateFiles | undefined;
  /** Hosts under which the issuer may be asked beside its own, in lower case. None: under any. */
  readonly allowedHosts: readonly string[];
  /** Whether plain calls to the mount may pass by Node's HTTP server. */
  readonly fastLane: boolean;
  /** Whether sessions of upstreams are for the person and the client alone that they were opened for. */
  readonly sessionBinding: boolean;
  /** Listener of /metrics, /readyz and /healthz. */
  readonly metricsListen: ListenAddress;
  /** Processes that serve the public listener together. A gateway is one of them; who starts it starts the others. */
  readonly workers: number;
  /** What is served. */
  readonly mounts: readonly [MountConfig, ...MountConfig[]];
  /** The file that was read beside the environment. Undefined: none. */
  readonly file: ConfigFileSource | undefined;
  /** Event streams through which nothing comes. 0: nothing is done about them. */
  readonly streams: { readonly keepAliveSeconds: number; readonly idleSeconds: number };
  /** Silence on a connection after which the kernel asks its peer for a sign of life. 0: it does not ask. */
  readonly tcpKeepAliveSeconds: number;
  /** Where people log in. No two have the same issuer. None: no mount needs one. */
  readonly identityProviders: readonly ProviderConfig[];
  /** False: every mount takes tokens of another issuer, and there is no authorization server here. */
  readonly issuesTokens: boolean;
  /** Whether refreshes ask the identity provider again. */
  readonly identityRecheck: {
    readonly mode: IdentityRecheckMode;
    /** How long after its last word a provider that does not answer stops nobody. */
    readonly graceSeconds: number;
  };
  /** What AWS says to a process about where it runs, by its own variables. Secrets are among them. */
  readonly awsVariables: Readonly<Record<string, string | undefined>>;
  /** Who may enter, all mounts. Undefined: whoever the provider lets in. */
  readonly entry: EntrySettings | undefined;
  /** What seals and opens: secrets for as long as the process lives, or a file of keys that may change meanwhile. */
  readonly sealing:
    | {
        readonly kind: 'secrets';
        /** The active secret first, then those that may still open. */
        readonly secrets: readonly [string, ...string[]];
      }
    | { readonly kind: 'key-file'; readonly path: string }
    /** Nothing of what is sealed has to be opened by another process, or after a restart. */
    | { readonly kind: 'none' };
  readonly store:
    | { readonly kind: 'memory' }
    | { readonly kind: 'sqlite'; readonly path: string; readonly synchronous: 'FULL' | 'NORMAL' }
    | { readonly kind: 'redis'; readonly connection: RedisConnection; readonly keyPrefix: string };
  readonly registration: {
    /** Whether clients may register themselves. */
    readonly enabled: boolean;
    /** Undefined: registrations do not expire. */
    readonly ttlSeconds: number | undefined;
    readonly privateUseSchemes: readonly string[];
  };
  /** Clients that the operator registered. */
  readonly clients: readonly ConfiguredClient[];
  /** Clients known by the URL of their metadata document. Undefined: there are none. */
  readonly clientDocuments:
    | {
        /** Host names, `*.` before one for everything below it. Undefined: every host. */
        readonly allowedHosts: readonly string[] | undefined;
        readonly deniedHosts: readonly string[];
        /** Documents may be on this machine. For development. */
        readonly allowLoopback: boolean;
      }
    | undefined;
  /** Resource servers that may ask about tokens, each with the SHA-256 of its secret. None: nobody may. */
  readonly introspectionClients: ReadonlyArray<{
    readonly id: string;
    readonly secretHash: Buffer;
    /** Names of the mounts whose tokens it may ask about. Absent: every one's. */
    readonly mounts?: readonly string[];
  }>;
  readonly tokens: {
    readonly refreshWindowSeconds: number;
    readonly grantLifetimeSeconds: number;
    readonly accessTokenTtlSeconds: number;
    /** Grants and tokens from before this moment are refused. */
    readonly revokeBefore: EpochSeconds | undefined;
  };
  readonly renderConsentPage: boolean;
  /** Whether proofs of keys have to name a nonce of ours. */
  readonly proofNonces: boolean;
  /** Whether devices without a browser may sign people in. */
  readonly deviceAuthorization: boolean;
  /** Whether people have a page where they see and end what they allowed. */
  readonly accountPage: boolean;
  /** Identity providers whose assertions are exchanged for tokens. Empty: there is no such grant type. */
  readonly trustedIssuers: readonly TrustedIssuer[];
  readonly limits: {
    readonly enabled: boolean;
    readonly perSubjectConcurrency: number;
    readonly perSubjectStreams: number;
    /** Access tokens that are remembered as opened. */
    readonly tokenCacheEntries: number;
    /** Connections of one address to each process. 0: any number. */
    readonly connectionsPerAddress: number;
    /** Connections to each process. 0: as many as it has descriptors for. */
    readonly connections: number;
    readonly trustedProxyCidrs: readonly string[];
    readonly trustedProxyHeader: 'x-forwarded-for' | 'x-real-ip' | 'true-client-ip';
    /** Legacy blanket trust; development only. */
    readonly trustEveryProxy: boolean;
  };
  readonly logging: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
    readonly accessLogSkip: RegExp | undefined;
    /** JSON-RPC bodies up to this size are read for the access log. 0: never. */
    readonly rpcPeekMaxBytes: number;
  };
  readonly toolMetrics: { readonly enabled: boolean; readonly maxCardinality: number };
  readonly shutdownTimeoutSeconds: number;
  /** Of these, how long calls are still taken while readiness says no. */
  readonly shutdownDelaySeconds: number;
  /** What the operator should know at start-up; each is logged as a warning. */
  readonly warnings: readonly ConfigWarning[];
}

/** One place where people log in. The environment describes one; the file that `GATEHOUSE_CONFIG` names any number. */
export interface ProviderConfig {
  /** Names it in its callback's path and in logs: lower-case letters, digits and `-`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Whose ways it has. */
  readonly preset: PresetName;
  readonly issuer: string;
  readonly clientId: string;
  /** Empty: a key, a certificate or a token takes its place. */
  readonly clientSecret: string;
  readonly clientKey: ClientKey | undefined;
  /** Shown at its token endpoint. */
  readonly clientCertificate: ClientCertificateConfig | undefined;
  readonly clientToken: ClientTokenConfig | undefined;
  readonly scopes: readonly string[];
  /** Of the authorization request, beyond those of every login. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Claims of the ID token that must have one of these values, by name. */
  readonly requiredClaims: Readonly<Record<string, readonly string[]>>;
  /** What is done about people whose groups are not all in their claims. Undefined: nothing has to be. */
  readonly overage: OverageSettings | undefined;
  /** Whether somebody is in the groups below theirs, as their paths have it. */
  readonly inheritsGroups: boolean;
  /** Whether it says in which groups somebody is. */
  readonly saysGroups: boolean;
  /** The directory that is asked about people beside it. Undefined: none is. */
  readonly directory: GoogleDirectorySettings | undefined;
  readonly allowInsecureHttp: boolean;
  readonly groupsClaim: string;
  /** `keys`: the claim is an object whose keys are the groups. */
  readonly groupsForm: 'names' | 'keys';
  /** Forward an e-mail address although the provider does not say that it is verified. */
  readonly trustUnverifiedEmail: boolean;
  /** Undefined: unlimited. */
  readonly exchangeRatePerSecond: number | undefined;
  readonly exchangeBurst: number;
  /** Empty: every person it lets in. */
  readonly allowedGroups: readonly string[];
}

export interface ClientCertificateConfig {
  /** Read whenever they change. */
  readonly files: CertificateFiles;
  /** That may see it beside the issuer's own; lower case. */
  readonly hosts: readonly string[];
}

/** Where a token comes from that the platform renews. */
export type ClientTokenConfig = (
  | { readonly source: 'file'; readonly path: string }
  | ({ readonly source: 'github-actions' } & GitHubActionsSettings)
  | { readonly source: 'gcp'; readonly audience: string }
  | ({ readonly source: 'azure' } & AzureIdentity)
) & {
  /** Hosts that may get the token beside the issuer's own; lower case. */
  readonly hosts?: readonly string[];
};

/**
 * One protected resource and the MCP server behind it. The environment describes one; the file that `GATEHOUSE_CONFIG`
 * names any number.
 */
export interface MountConfig {
  /** Names it in logs, metrics and the operator's commands: letters, digits, `-` and `_`. */
  readonly name: string;
  /**
   * Scheme, host and port at which the public reaches it: the issuer's, or a host of its own. With `labels`, `*` stands for
   * the first label of the host.
   */
  readonly publicOrigin: string;
  /**
   * What may stand for the `*`, each a resource of its own. Where the upstream or a header that is set has `{label}`, it is
   * what stands for it in a call. Absent: the mount has one host.
   */
  readonly labels?: 'any' | readonly string[] | undefined;
  /** Public path, verbatim: `/mcp`. */
  readonly path: string;
  /** Meant by authorization requests that name no resource. One of all at most; the only one always is. */
  readonly isDefault: boolean;
  readonly title: string | undefined;
  readonly upstream: {
    /** scheme, host and port, e.g. `http://127.0.0.1:3000`. */
    readonly origin: string;
    /** Takes the place of the public path: `/mcp`. */
    readonly path: string;
    /** Verbatim `Authorization` for the upstream. */
    readonly authorization: string | undefined;
    readonly connectTimeoutSeconds: number;
    readonly headerTimeoutSeconds: number;
    readonly idleTimeoutSeconds: number;
    /** Paths of PEM files, read whenever they change. */
    readonly tls: {
      /** In place of the authorities that the system knows. */
      readonly caFile: string | undefined;
      readonly certificate: CertificateFiles | undefined;
    };
    readonly maxBodyBytes: number;
  };
  /** What passes of the headers, both ways. */
  readonly headers: HeaderPolicy;
  /** Origins of web pages that may call it. */
  readonly allowedOrigins: readonly string[];
  readonly scopes: ScopeRules;
  /** Names of the identity providers whose people may be let in. Undefined: every one there is. */
  readonly identityProviders?: readonly string[] | undefined;
  /** Whether its tokens are bound to a key of the client. */
  readonly dpop: DpopMode;
  /** Whose tokens it takes in place of ours. Absent: ours. */
  readonly accepts?: TokenAuthority | undefined;
  /** Whether the upstream gets the tokens that it takes, which are another issuer's. Absent: no. */
  readonly forwardsToken?: boolean;
  /** Who may enter it, beside the rules for all. Absent: nothing more. */
  readonly entry?: EntrySettings | undefined;
  /** Absent: whoever has a token for it may call everything. */
  readonly policy?: PolicyRules | undefined;
}

export interface ConfigFileSource {
  readonly path: string;
  /** Files with secrets or keys that it names. */
  readonly secretFiles: readonly string[];
  /** Variables that it sets, as the environment would have them. No secret is among them. */
  readonly settings: Readonly<Record<string, string | undefined>>;
}

export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

export interface ConfigWarning {
  /** Event name in the log, e.g. `token_signing_secret_weak`. */
  readonly event: string;
  readonly message: string;
}
