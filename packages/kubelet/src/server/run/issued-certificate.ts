import { type Clock, Wake } from '@nodeagent/base';

import type { KeyedCertificate, Reloaded } from '../ports.js';

/**
 * The serving certificate that the cluster's signer issued. It is absent until the first one is
 * approved and after the last one has expired; TLS handshakes fail meanwhile.
 */
export interface IssuedCertificate extends Reloaded<KeyedCertificate> {
  /** @param notAfterMs wall clock */
  show(pem: KeyedCertificate, notAfterMs: number): void;
}

export function createIssuedCertificate(clock: Pick<Clock, 'nowMs'>): IssuedCertificate {
  const wake = new Wake();
  let shown: Readonly<{ pem: KeyedCertificate; notAfterMs: number }> | undefined;
  return {
    show: (pem, notAfterMs) => {
      if (shown?.pem.certificatePem === pem.certificatePem) return;
      shown = { pem, notAfterMs };
      wake.wake();
    },
    current: () => {
      if (shown === undefined || shown.notAfterMs <= clock.nowMs()) return undefined;
      return shown.pem;
    },
    run: async (onChange, signal) => {
      while ((await wake.wait(signal)) === 'woken') onChange();
    },
  };
}
