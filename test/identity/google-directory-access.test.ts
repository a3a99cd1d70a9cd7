import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { alice, startDirectoryForEachTest } from '../support/identity/google-directory.ts';
import { googleError } from '../support/identity/google-workspace.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';

/** A slow machine is no failure. */
const patience = { timeout: 20_000 };

describe('access to the directory of Google', () => {
  const google = startDirectoryForEachTest();

  describe('its token', () => {
    it('is obtained once for all who log in at a time, and kept', async () => {
      const opened = await google.started();
      await Promise.all([opened.logIn(), opened.logIn(), opened.logIn()]);
      google.clock.advance(3_200);
      await opened.logIn();
      expect(google.cloud.count('/token')).toBe(2);
      expect(google.cloud.count(':signJwt')).toBe(1);
    });

    it('is renewed before it ends, while nobody waits', async () => {
      const opened = await google.started();
      google.clock.advance(3_400);
      await opened.logIn();
      await vi.waitFor(() => expect(google.cloud.count(':signJwt')).toBe(2), patience);
    });

    it('is kept for no more than an hour, whatever the answer says', async () => {
      google.cloud.tokenLifetimeSeconds = 864_000;
      const opened = await google.started();
      google.clock.advance(3_590);
      await opened.logIn();
      expect(google.cloud.count(':signJwt')).toBe(2);
    });

    it('is obtained anew when Google does not take it any more', async () => {
      const opened = await google.started();
      google.cloud.revokeTokens();
      expect((await opened.logIn()).identity.subject).toBe(alice);
      expect(google.cloud.count(':signJwt')).toBe(2);
    });

    it('goes to the directory alone, and into no log', async () => {
      const opened = await google.started();
      await opened.logIn();
      const hosts = google.cloud.requests.filter(({ authorization }) =>
        authorization?.includes('directory-token'),
      );
      expect(new Set(hosts.map(({ host }) => host))).toEqual(new Set(['admin.googleapis.com']));
      expect(opened.logged()).not.toContain('CANARY');
    });
  });

  describe('how this server gets to read it', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('on Google Cloud: in the name of an administrator, signed for by the service account', async () => {
      await (await google.started()).logIn();
      const { body } = google.cloud.requests.find(({ path }) => path.endsWith(':signJwt')) ?? { body: '{}' };
      const { payload } = JSON.parse(body) as { payload: string };
      expect(JSON.parse(payload)).toMatchObject({
        iss: google.cloud.serviceAccount,
        sub: google.cloud.admin,
        scope:
          'https://www.googleapis.com/auth/admin.directory.user.readonly https://www.googleapis.com/auth/admin.directory.group.readonly',
      });
    });

    it('on Google Cloud: as the service account itself when no administrator is named', async () => {
      const opened = await google.started({ GOOGLE_DIRECTORY_ADMIN: undefined });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
      expect([google.cloud.count(':generateAccessToken'), google.cloud.count(':signJwt')]).toEqual([1, 0]);
    });

    it('on GKE: as the service account that is named', async () => {
      const account = google.cloud.serviceAccount;
      google.cloud.failures.set('/email', {
        status: 200,
        headers: { 'metadata-flavor': 'Google' },
        body: 'my-project.svc.id.goog',
      });
      const opened = await google.started({ GOOGLE_DIRECTORY_SERVICE_ACCOUNT: account });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    function write(name: string, content: unknown): string {
      const path = join(folder, name);
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    }

    function describeAws(changes: object = {}): Record<string, string> {
      google.cloud.hasMetadataServer = false;
      const path = write('aws.json', {
        ...common(),
        subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
        credential_source: {
          environment_id: 'aws1',
          regional_cred_verification_url:
            'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
        ...changes,
      });
      return { GOOGLE_WORKLOAD_CREDENTIALS_PATH: path };
    }

    function describeFile(tokenPath: string, format: object = { type: 'text' }): Record<string, string> {
      google.cloud.hasMetadataServer = false;
      const path = write('file.json', {
        ...common(),
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        credential_source: { file: tokenPath, format },
      });
      return { GOOGLE_WORKLOAD_CREDENTIALS_PATH: path };
    }

    function common(): object {
      const accounts = 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts';
      return {
        type: 'external_account',
        audience: google.cloud.audience,
        token_url: 'https://sts.googleapis.com/v1/token',
        service_account_impersonation_url: `${accounts}/${google.cloud.serviceAccount}:generateAccessToken`,
      };
    }

    /** What the subject token of the last exchange holds; of AWS the signed question. */
    function subjectToken(): string {
      const { body = '' } = google.cloud.requests.findLast(({ host }) => host === 'sts.googleapis.com') ?? {};
      return decodeURIComponent(new URLSearchParams(body).get('subject_token') ?? '');
    }

    it('on an instance of AWS: by a question that the role has signed for this pool alone', async () => {
      expect((await (await google.started(describeAws())).logIn()).identity.groups).toHaveLength(2);
      expect(subjectToken()).toContain('https://sts.eu-central-1.amazonaws.com?Action=GetCallerIdentity');
      expect(subjectToken()).not.toContain('CANARY-aws-secret');
    });

    it('in a task of ECS: by the role of the task, in the region that ECS names', async () => {
      google.cloud.aws.hasInstanceRole = false;
      const opened = await google.started({
        ...describeAws(),
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/b6a3c0f5',
        AWS_REGION: 'eu-west-1',
      });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
      expect(subjectToken()).toContain('https://sts.eu-west-1.amazonaws.com?');
      expect(google.cloud.count('/latest/api/token')).toBe(0);
    });

    it('in a pod of EKS: by the role of the pod, with the token that its file has now', async () => {
      google.cloud.aws.containerToken = 'pod-token';
      const opened = await google.started({
        ...describeAws(),
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: write('pod', 'pod-token\n'),
        AWS_REGION: 'eu-west-1',
      });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    it('in a function of AWS: by the credentials in the environment, which end', async () => {
      google.cloud.aws.hasInstanceRole = false;
      const { accessKeyId, secretAccessKey, sessionToken } = google.cloud.aws.credentials;
      const opened = await google.started({
        ...describeAws(),
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_SESSION_TOKEN: sessionToken,
        AWS_DEFAULT_REGION: 'us-east-1',
      });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    it.each([
      ['as text', 'text', (token: string) => `${token}\n`],
      ['in JSON', 'json', (token: string) => JSON.stringify({ access_token: token })],
    ])('in Kubernetes: by the token of a file, %s, read anew', async (_what, type, wrap) => {
      const path = write('token', wrap('eyJhbGciOiJub25lIn0.e30.former'));
      const format = { type, subject_token_field_name: 'access_token' };
      const opened = google.open(describeFile(path, format));
      await vi.waitFor(() => expect(opened.logged()).toContain('directory_start_check_failed'), patience);
      write('token', wrap(google.cloud.acceptsToken));
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    it('as the account of GOOGLE_DIRECTORY_SERVICE_ACCOUNT, whatever the file names', async () => {
      const changes = describeAws({ service_account_impersonation_url: undefined });
      const opened = await google.started({
        ...changes,
        GOOGLE_DIRECTORY_SERVICE_ACCOUNT: google.cloud.serviceAccount,
      });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    /** What is missing, how it shows, and where it is set. */
    const gaps: readonly [string, () => Record<string, string | undefined>, string][] = [
      ['another administrator', () => ({ GOOGLE_DIRECTORY_ADMIN: 'x@example.com' }), 'Directory > Users'],
      [
        'scopes that nobody delegated',
        () => failing('oauth2.googleapis.com/token', { error: 'unauthorized_client' }, 401),
        'Domain-wide delegation',
      ],
      [
        'no permission to sign',
        () => failingWith(':signJwt', 'IAM_PERMISSION_DENIED'),
        'iam.serviceAccounts.signJwt',
      ],
      [
        'no permission to act as it',
        () => ({
          ...failingWith(':generateAccessToken', 'IAM_PERMISSION_DENIED'),
          GOOGLE_DIRECTORY_ADMIN: undefined,
        }),
        'iam.serviceAccounts.getAccessToken',
      ],
      [
        'IAM Credentials that are off',
        () => failingWith(':signJwt', 'SERVICE_DISABLED'),
        'IAM Service Account Credentials API',
      ],
      [
        'an access scope of the machine',
        () => failingWith(':signJwt', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'),
        'Access scopes',
      ],
      [
        'the token service that is off',
        () => ({ ...describeAws(), ...failingWith('sts.googleapis.com/v1/token', 'SERVICE_DISABLED') }),
        'Security Token Service API',
      ],
      ['the Admin SDK that is off', () => failingDirectory('SERVICE_DISABLED'), 'Admin SDK API'],
      [
        'the Admin SDK that is off, in other words',
        () => failingDirectory('accessNotConfigured'),
        'Admin SDK API',
      ],
      ['a role of an administrator', () => failingDirectory('forbidden'), 'Admin roles'],
      ['scopes of the token', () => failingDirectory('insufficientPermissions'), 'Domain-wide delegation'],
      [
        'another service account',
        () => ({ GOOGLE_DIRECTORY_SERVICE_ACCOUNT: 'x@p.iam.gserviceaccount.com' }),
        'there is no such account',
      ],
      ['Google Cloud', () => notOnGoogle(), 'GOOGLE_WORKLOAD_CREDENTIALS_PATH'],
      [
        'another audience',
        () => describeAws({ audience: google.cloud.audience.replace('gatehouse-pool', 'other-pool') }),
        'Workload Identity Federation',
      ],
      ['another AWS account', () => anotherRole(), 'attribute condition'],
      ['a role of AWS', () => withoutRole(), 'attach one to the instance'],
      [
        'a temporary key of AWS',
        () => ({ ...withoutRole(), AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's' }),
        'AWS_SESSION_TOKEN',
      ],
      ['a region of AWS', () => ({ ...describeAws(), AWS_REGION: 'evil.example/' }), 'AWS_REGION'],
      ['the file of the token', () => describeFile(join(folder, 'missing')), 'projected volume'],
      ['a token in that file', () => describeFile('/etc/passwd'), 'projected volume'],
      [
        'the file of the configuration',
        () => ({ GOOGLE_WORKLOAD_CREDENTIALS_PATH: join(folder, 'missing') }),
        'check-config',
      ],
      [
        'anything but a key',
        () => ({ GOOGLE_WORKLOAD_CREDENTIALS_PATH: write('key', { type: 'service_account' }) }),
        'delete the key',
      ],
    ];

    it.each(gaps)(
      'names what a console lacks, at the start and when a login fails: %s',
      async (_what, change, hint) => {
        const opened = google.open(change());
        await vi.waitFor(() => expect(opened.logged()).toContain('directory_start_check_failed'), patience);
        expect(opened.logged()).toContain(hint);
        expect(await refusalOf(opened.logIn())).toMatchObject({
          reason: 'directory_unanswered',
          status: 502,
        });
        expect(opened.logged()).toContain('idp_console_setting');
        expect(opened.logged()).not.toContain('CANARY');
        expect(opened.provider.isReady()).toBe(true);
      },
    );

    function failing(end: string, body: object, status = 400): Record<string, string> {
      google.cloud.failures.set(end, { status, body });
      return {};
    }

    function failingWith(end: string, reason: string): Record<string, string> {
      google.cloud.failures.set(end, googleError(403, reason, 'PERMISSION_DENIED'));
      return {};
    }

    function failingDirectory(reason: string): Record<string, string> {
      google.cloud.workspace.fail(googleError(403, reason, 'PERMISSION_DENIED'));
      return {};
    }

    function notOnGoogle(): Record<string, string> {
      google.cloud.hasMetadataServer = false;
      return {};
    }

    function anotherRole(): Record<string, string | undefined> {
      return {
        ...describeAws(),
        AWS_ACCESS_KEY_ID: 'ASIAOTHER',
        AWS_SECRET_ACCESS_KEY: 'other',
        AWS_SESSION_TOKEN: 'other',
      };
    }

    function withoutRole(): Record<string, string | undefined> {
      google.cloud.aws.hasInstanceRole = false;
      return describeAws();
    }
  });
});
