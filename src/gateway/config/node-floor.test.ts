import { describe, expect, it } from 'vitest';

import { findNodeVersionWarning } from './node-floor.ts';

describe('findNodeVersionWarning', () => {
  it.each(['v24.22.1', '24.22.2', 'v24.30.0', 'v26.12.1', 'v26.13.0', 'v27.0.0', 'v28.1.0'])(
    'has nothing to say about %s',
    (version) => {
      expect(findNodeVersionWarning(version)).toBeUndefined();
    },
  );

  it.each(['v24.22.0', 'v24.21.9', 'v26.12.0', 'v26.10.0', 'v25.9.0', 'v22.23.4', 'v20.20.2', 'nonsense'])(
    'warns about %s and names the advisory',
    (version) => {
      const warning = findNodeVersionWarning(version);
      expect(warning?.event).toBe('node_version_outdated');
      expect(warning?.message).toContain('CVE-2026-111497');
      expect(warning?.message).toContain('no inbound compression is decoded');
    },
  );
});
