import { describe, expect, it } from 'vitest';

import { kubeletAccess } from '../../src/agents.ts';

describe("a client of a testbed's kubelet", () => {
  it.each([['/ca.crt'], [undefined]])('is authenticated and authorized (CA: %s)', (file) => {
    expect(kubeletAccess(file)).toMatchObject({
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
    });
  });

  it('presents a certificate only if a CA is configured', () => {
    expect(kubeletAccess('/ca.crt')).toMatchObject({
      authentication: { x509: { clientCAFile: '/ca.crt' } },
    });
    expect(kubeletAccess(undefined)).not.toHaveProperty('authentication.x509');
  });
});
