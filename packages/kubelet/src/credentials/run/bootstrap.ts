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
  /** Undefined: retries until the signal fires. */
  readonly patienceMs: number | undefined;
  /** Time limit while the server answers but refuses the request; absent: no such limit. */
  readonly refusedPatienceMs?: number;
  readonly log: Logger;
}

/**
 * Obtains a node's first certificate with credentials that may only request one. Returns at once if
 * an earlier run has obtained it.
 *
 * @throws the last error when the time limit is exceeded; the signal's reason
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
      log.info({ commonName: template.commonName }, 'obtained the first client certificate');
      return;
    } catch (err) {
      signal.throwIfAborted();
      const triedMs = clock.monotonicMs() - beganMs;
      if (triedMs >= (patienceMs ?? Infinity)) throw err;
      if (triedMs >= refusedPatienceMs && isRefusal(err)) throw err;
      const waitMs = retryDelayMs(failures, random());
      log.warn({ err, retryInMs: waitMs }, 'cannot obtain the first client certificate; retrying');
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}

/**
 * True if a working server rejects the credentials.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/client-go/util/certificate/certificate_manager.go, updateServerError
 */
function isRefusal(error: unknown): boolean {
  return isKubeError(error, 'KUBE_UNAUTHORIZED', 'KUBE_FORBIDDEN', 'KUBE_NOT_FOUND');
}
