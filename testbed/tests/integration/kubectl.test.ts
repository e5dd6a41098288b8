import { describe, expect, it } from 'vitest';

import { findKubectls, runCommand } from '../../src/index.ts';

describe(findKubectls, () => {
  it('finds programs that run, oldest first', { timeout: 300_000 }, async () => {
    const found = await findKubectls();
    expect(found.length).toBeGreaterThan(0);
    for (const { path, version } of found) {
      expect(await runCommand([path, 'version', '--client'])).toContain(version);
    }
    const minors = found.map(({ version }) => Number(version.split('.')[1]));
    expect(minors).toEqual(minors.toSorted((a, b) => a - b));
  });
});
