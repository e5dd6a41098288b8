import { describe, expect, it } from 'vitest';

import { kubeletAccess } from '../../src/agents.ts';

describe('who may come to a kubelet of the testbed', () => {
  it.each([['/ca.crt'], [undefined]])('is known and authorized (authority: %s)', (file) => {
    expect(kubeletAccess(file)).toMatchObject({
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
    });
  });

  it('shows a certificate only where somebody vouches for it', () => {
    expect(kubeletAccess('/ca.crt')).toMatchObject({
      authentication: { x509: { clientCAFile: '/ca.crt' } },
    });
    expect(kubeletAccess(undefined)).not.toHaveProperty('authentication.x509');
  });
});
