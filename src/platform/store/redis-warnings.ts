import type { RedisServer } from './redis-connection.ts';

/** Something about a server that an operator should change. */
export interface RedisWarning {
  /** Name in the log. */
  readonly event: string;
  readonly message: string;
}

const oldestVersion = [6, 2] as const;

/** Looks at how the servers are set up. What they do not tell is not warned about: an ACL may forbid to ask. */
export async function findServerWarnings(servers: readonly RedisServer[]): Promise<readonly RedisWarning[]> {
  const found = new Map<string, RedisWarning>();
  for (const server of servers) {
    const facts = parseFacts(await ask(server, 'server'), await ask(server, 'memory'));
    for (const warning of judgeFacts(facts)) found.set(warning.event, warning);
  }
  return [...found.values()];
}

async function ask(server: RedisServer, section: string): Promise<string> {
  try {
    const reply = await server.run(['INFO', section]);
    return typeof reply === 'string' ? reply : '';
  } catch {
    return '';
  }
}

function parseFacts(...texts: readonly string[]): ReadonlyMap<string, string> {
  const lines = texts.join('\n').matchAll(/^(\w+):(.*?)\r?$/gm);
  return new Map(Array.from(lines, ([, name, value]) => [name ?? '', value ?? '']));
}

function judgeFacts(facts: ReadonlyMap<string, string>): readonly RedisWarning[] {
  const warnings: RedisWarning[] = [];
  const policy = facts.get('maxmemory_policy');
  const isLimited = (facts.get('maxmemory') ?? '0') !== '0';
  // Every key of ours has a life, so that the volatile policies evict them as well.
  if (isLimited && policy !== undefined && policy !== 'noeviction') {
    warnings.push({
      event: 'redis_evicts',
      message: `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), which logs people out at random; set noeviction`,
    });
  }
  const version = facts.get('redis_version');
  if (version !== undefined && isOlder(version)) {
    warnings.push({
      event: 'redis_outdated',
      message: `Redis ${version} gets no security fixes any more; use 7.2 or later, or Valkey`,
    });
  }
  return warnings;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1]);
}
