import { describe, expect, it } from 'vitest';

import { narrateEvent } from './narrate-event.ts';

const refused = { type: 'request_refused', reason: 'not_found', status: 404 } as const;

describe('narration of events', () => {
  it('names a client that registers', () => {
    const event = { type: 'client_registered', client: '0123', clientName: 'Some client' } as const;
    expect(narrateEvent(event)).toBe('registered: Some client');
  });

  it('calls a missing token what it is: the beginning of a sign-in', () => {
    const event = { ...refused, endpoint: 'mcp', reason: 'token_missing', status: 401 } as const;
    expect(narrateEvent(event)).toContain('asked to sign in');
  });

  it('is silent about probes for documents that need not exist', () => {
    expect(narrateEvent({ ...refused, endpoint: 'discovery' })).toBeUndefined();
  });

  it('gives the reason of a refusal', () => {
    const event = { ...refused, endpoint: 'callback', reason: 'email_unverified', status: 403 } as const;
    expect(narrateEvent(event)).toBe('refused at callback: email_unverified (403)');
  });
});
