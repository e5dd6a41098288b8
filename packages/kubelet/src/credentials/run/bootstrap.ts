import type { Logger } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

import { clientTemplate } from '../plan/certificate-template.js';
import { retryDelayMs } from '../plan/rotation.js';
import type { CertificateStore } from '../ports.js';
import { requestCertificate, type RequestPorts } from './request-certificate.js';
import { saveIssued } from './save-issued.js';

export interface BootstrapOptions extends RequestPorts {
  readonly nodeName: string;
  readonly store: CertificateStore;
  /** Undefined: tries until the signal fires. */
  readonly patienceMs: number | undefined;
  /** The same while the server answers, and does not take the request; no other end when absent. */
  readonly refusedPatienceMs?: number;
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
  const { nodeName, store, patienceMs, refusedPatienceMs = Infinity } = options;
  const { clock, random, log } = options;
  const template = clientTemplate(nodeName);
  const beganMs = clock.monotonicMs();
  for (let failures = 1; ; failures += 1) {
    const held = (await store.current())?.certificate;
    if (held?.commonName === template.commonName && held.notAfterMs > clock.nowMs()) return;
    try {
      const pem = await requestCertificate(template, options, signal);
      await saveIssued(pem, { template, held }, options);
      await options.pendingKey?.remove();
      log.info({ commonName: template.commonName }, 'the node has its first certificate');
      return;
    } catch (err) {
      signal.throwIfAborted();
      const triedMs = clock.monotonicMs() - beganMs;
      if (triedMs >= (patienceMs ?? Infinity)) throw err;
      if (triedMs >= refusedPatienceMs && isRefusal(err)) throw err;
      const waitMs = retryDelayMs(failures, random());
      log.warn({ err, retryInMs: waitMs }, 'the node has no certificate yet');
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}

/**
 * What a server says that is well, to credentials that are not.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/client-go/util/certificate/certificate_manager.go,
 *   updateServerError
 */
function isRefusal(error: unknown): boolean {
  return isKubeError(error, 'KUBE_UNAUTHORIZED', 'KUBE_FORBIDDEN', 'KUBE_NOT_FOUND');
}
