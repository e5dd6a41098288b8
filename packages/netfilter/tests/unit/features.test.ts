import { describe, expect, it } from 'vitest';

import { featuresFromVersion } from '../../src/index.js';

describe(featuresFromVersion, () => {
  it.each([
    ['iptables v1.8.9 (nf_tables)', 'nft', ['-w', '5'], ['-w', '5'], true],
    ['iptables v1.8.9 (legacy)', 'legacy', ['-w', '5'], ['-w', '5'], true],
    ['iptables v1.6.2', undefined, ['-w', '5'], ['-w', '5'], true],
    ['iptables v1.4.22', undefined, ['-w', '5'], [], false],
    ['iptables v1.4.21', undefined, ['-w'], [], false],
  ])('%s', (text, backend, waitArgs, restoreWaitArgs, randomFully) => {
    const found = featuresFromVersion(text);
    expect(found).toMatchObject({ backend, waitArgs, restoreWaitArgs, randomFully });
  });

  it.each(['iptables v1.4.19', 'command not found'])('refuses %s', (text) => {
    expect(featuresFromVersion(text)).toBeUndefined();
  });
});
