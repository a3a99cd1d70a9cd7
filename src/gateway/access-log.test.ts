import { describe, expect, it } from 'vitest';

import { createLogger } from '../platform/telemetry/logger.ts';
import { type AccessRecord, createAccessLog } from './access-log.ts';

function write(
  record: Partial<AccessRecord>,
  skip?: RegExp,
  budget: { take(kind: string): boolean } = { take: () => true },
): Record<string, unknown>[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createAccessLog(createLogger({ level: 'info', destination }), skip, budget);
  const whole = {
    method: 'GET',
    path: '/mcp',
    status: 200,
    durationMs: 1234.5678,
    requestId: 'id',
    ...record,
  };
  log(whole, undefined);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the access log', () => {
  it("writes the predecessor's fields, the duration in seconds", () => {
    const [line] = write({});
    expect(line).toMatchObject({
      level: 'info',
      msg: 'request',
      method: 'GET',
      path: '/mcp',
      status: 200,
      duration: 1.234568,
      request_id: 'id',
    });
  });

  it.each(['mgh_at_', 'mgh_rt_', 'mgh_ac_', 'mgh_cl_'])(
    'does not repeat a %s value out of a path',
    (prefix) => {
      const [line] = write({ path: `/mcp/${prefix}AcdFk7-_x/tail/${prefix}zweites` });
      expect(line?.['path']).toBe(`/mcp/${prefix}[redacted]/tail/${prefix}[redacted]`);
    },
  );

  it('cuts a path that a stranger made long', () => {
    const [line] = write({ path: `/${'a'.repeat(9000)}` });
    expect(line?.['path']).toBe(`/${'a'.repeat(255)}…`);
  });

  it('leaves out what the operator does not want to see', () => {
    expect(write({ path: '/healthz' }, /^\/healthz$/u)).toEqual([]);
  });

  it('leaves out refused requests of nobody when there are too many, and no others', () => {
    const kinds: string[] = [];
    const none = {
      take: (kind: string) => {
        kinds.push(kind);
        return false;
      },
    };
    expect(write({ status: 404 }, undefined, none)).toEqual([]);
    expect(write({ status: 200 }, undefined, none)).toHaveLength(1);
    expect(kinds).toEqual(['request 404']);
  });
});
