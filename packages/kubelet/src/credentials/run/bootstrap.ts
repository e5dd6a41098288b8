import type { Logger } from '@nodeagent/base';

import { clientTemplate } from '../plan/certificate-template.js';
import { retryDelayMs } from '../plan/rotation.js';
import type { CertificateStore } from '../ports.js';
import { requestCertificate, type RequestPorts } from './request-certificate.js';

export interface BootstrapOptions extends RequestPorts {
  readonly nodeName: string;
  readonly store: CertificateStore;
  /** Undefined: tries until the signal fires. */
  readonly patienceMs: number | undefined;
  readonly log: Logger;
}

/**
 * Gets a node its first certificate with credentials that may do nothing but ask for one; at once
 * when an earlier run has got it.
 *
 * @throws the last failure, when patience is over; the signal's reason
 */
export async function bootstrapCertificate(
  options: BootstrapOptions,
  signal: AbortSignal,
): Promise<void> {
  const { nodeName, store, patienceMs, clock, random, log } = options;
  const template = clientTemplate(nodeName);
  const beganMs = clock.monotonicMs();
  for (let failures = 1; ; failures += 1) {
    const held = (await store.current())?.certificate;
    if (held?.commonName === template.commonName && held.notAfterMs > clock.nowMs()) return;
    try {
      await store.save(await requestCertificate(template, options, signal), clock.nowMs());
      await options.pendingKey?.remove();
      log.info({ commonName: template.commonName }, 'the node has its first certificate');
      return;
    } catch (err) {
      signal.throwIfAborted();
      const isOver = patienceMs !== undefined && clock.monotonicMs() - beganMs >= patienceMs;
      if (isOver) throw err;
      const waitMs = retryDelayMs(failures, random());
      log.warn({ err, retryInMs: waitMs }, 'the node has no certificate yet');
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}
