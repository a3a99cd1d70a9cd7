import { describe, expect, it } from 'vitest';

import { createTerminal } from './terminal.ts';

describe('terminal', () => {
  it.each([
    { where: 'a terminal', isTTY: true, env: {}, painted: true },
    { where: 'a pipe', isTTY: false, env: {}, painted: false },
    { where: 'a terminal under NO_COLOR', isTTY: true, env: { NO_COLOR: '1' }, painted: false },
    { where: 'a dumb terminal', isTTY: true, env: { TERM: 'dumb' }, painted: false },
  ])('paints on $where: $painted', ({ isTTY, env, painted }) => {
    const { strong } = createTerminal({ isTTY, write: () => true }, env);
    expect(strong('x') !== 'x').toBe(painted);
  });

  it('ends each line', () => {
    let written = '';
    createTerminal({ write: (text) => (written += text) }, {}).line('x');
    expect(written).toBe('x\n');
  });
});
