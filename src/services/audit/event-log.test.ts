import { describe, expect, it } from 'vitest';

import { createLogger } from '../../platform/telemetry/logger.ts';
import { createEventLog } from './event-log.ts';
import type { GatehouseEvent } from './events.ts';

function write(event: GatehouseEvent): Record<string, unknown> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createEventLog(createLogger({ level: 'trace', destination }))(event, 'request-1');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] as string) as Record<string, unknown>;
}

const person = { subject: 'alice', client: 'fingerprint', grant: 'grant-1' };

describe('the event log', () => {
  it('spells fields as the access line does', () => {
    expect(write({ type: 'client_registered', client: 'fingerprint', clientName: 'Ed' })).toMatchObject({
      msg: 'client_registered',
      client: 'fingerprint',
      client_name: 'Ed',
      request_id: 'request-1',
    });
    const issued = write({
      type: 'tokens_issued',
      grantType: 'authorization_code',
      ...person,
      resource: 'https://gatehouse.test/mcp',
    });
    expect(issued).toMatchObject({ msg: 'token_issued', grant_type: 'authorization_code', ...person });
    expect(Object.keys(issued).filter((name) => /[A-Z]/.test(name))).toEqual([]);
  });

  it.each([
    [{ endpoint: 'mcp', reason: 'token_missing', status: 401 }, 'debug'],
    [{ endpoint: 'mcp', reason: 'token_bound', status: 401 }, 'info'],
    [{ endpoint: 'mcp', reason: 'token_revoked', status: 401 }, 'info'],
    [{ endpoint: 'token', reason: 'dpop_nonce_needed', status: 400 }, 'debug'],
    [{ endpoint: 'mcp', reason: 'rate_limited', status: 429 }, 'debug'],
    [{ endpoint: 'other', reason: 'not_found', status: 404 }, 'debug'],
    [{ endpoint: 'token', reason: 'client_id_invalid', status: 401 }, 'info'],
    [{ endpoint: 'callback', reason: 'group', status: 403 }, 'info'],
    [{ endpoint: 'mcp', reason: 'upstream_timeout', status: 504 }, 'warn'],
  ] as const)('writes the refusal %o at %s', (refusal, level) => {
    const line = write({ type: 'request_refused', ...refusal });
    expect(line).toMatchObject({ level, msg: `access_denied_${refusal.reason}`, ...refusal });
  });
});
