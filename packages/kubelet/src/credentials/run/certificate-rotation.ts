import { type Gauge, isAborted, type Logger, type Metrics } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

import type { Certificate, CertificatePurpose, CertificateTemplate } from '../model/certificate.js';
import { isSameTemplate } from '../plan/certificate-template.js';
import { retryDelayMs, rotationDeadlineMs } from '../plan/rotation.js';
import type { CertificateStore } from '../ports.js';
import { requestCertificate, type RequestPorts } from './request-certificate.js';
import { saveIssued } from './save-issued.js';

export interface RotationOptions extends RequestPorts {
  readonly purpose: CertificatePurpose;
  /** The content to request now; undefined while it is unknown. */
  readonly template: () => CertificateTemplate | undefined;
  readonly store: CertificateStore;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Period of the check for a changed template. */
const LOOK_MS = 1000;
/** Period of the check for a file that someone else replaced. */
const REREAD_MS = 60_000;

/**
 * Keeps a certificate in force: requests the next one in time, or immediately if there is none, if
 * it has expired, or if the node's names or addresses have changed.
 *
 * @throws if a client certificate has expired and a reachable server issues no new one: only a
 *   restart with the bootstrap credentials can help then
 */
export async function runCertificateRotation(
  options: RotationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { purpose, template, store, clock, random, log } = options;
  const figures = figuresOf(options);
  let failures = 0;
  let chance = random();
  let current: Certificate | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const wanted = template();
    if (clock.monotonicMs() - readAtMs >= REREAD_MS) {
      try {
        current = (await store.current())?.certificate;
      } catch (err) {
        // Whatever prevents reading it, the loaded certificate stays in use.
        log.warn({ purpose, err, retryInMs: REREAD_MS }, 'certificate cannot be read');
        if (current === undefined) {
          if ((await clock.sleep(REREAD_MS, signal)) === 'aborted') return;
          continue;
        }
      }
      readAtMs = clock.monotonicMs();
    }
    figures.left(current, clock.nowMs());
    if (wanted === undefined) {
      if ((await clock.sleep(LOOK_MS, signal)) === 'aborted') return;
      continue;
    }
    const leftMs = rotationDeadlineMs(current, wanted, chance) - clock.nowMs();
    if (leftMs > 0) {
      if ((await clock.sleep(Math.min(leftMs, LOOK_MS), signal)) === 'aborted') return;
      continue;
    }
    try {
      const pem = await withTemplate(options, wanted, signal);
      if (pem === undefined) continue; // the template has changed meanwhile
      await saveIssued(pem, { template: wanted, held: current }, options);
      figures.renewed(current, clock.nowMs());
      current = (await store.current())?.certificate;
      readAtMs = clock.monotonicMs();
      // Wait before requesting a certificate with the missing names again, to avoid an endless
      // loop.
      if (rotationDeadlineMs(current, wanted, chance) <= clock.nowMs()) {
        throw new Error('the issued certificate does not match the request');
      }
      log.info(
        { purpose, names: [...wanted.dnsNames, ...wanted.ipAddresses] },
        'certificate renewed',
      );
      failures = 0;
      chance = random();
    } catch (err) {
      if (isAborted(signal)) return;
      failures += 1;
      figures.failed();
      if (purpose === 'client') assertNotLost(current, err, clock.nowMs());
      const waitMs = retryDelayMs(failures, random());
      log.warn({ purpose, err, retryInMs: waitMs }, 'cannot renew the certificate; retrying');
      if ((await clock.sleep(waitMs, signal)) === 'aborted') return;
    }
  }
}

/**
 * An unreachable server may still accept the old certificate when it returns; one that answers will
 * not.
 */
function assertNotLost(current: Certificate | undefined, cause: unknown, nowMs: number): void {
  if (current === undefined || current.notAfterMs > nowMs) return;
  if (isKubeError(cause, 'KUBE_UNAVAILABLE')) return;
  const ended = new Date(current.notAfterMs).toISOString();
  const text = `the client certificate expired ${ended} and the API server issues no new one`;
  throw new Error(text, { cause });
}

/** @returns undefined if the template changes meanwhile */
async function withTemplate(
  options: RotationOptions,
  wanted: CertificateTemplate,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof requestCertificate>> | undefined> {
  const { template, clock } = options;
  const end = new AbortController();
  const leave = (): void => end.abort(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  const seen = { other: false };
  const looking = (async (): Promise<void> => {
    while ((await clock.sleep(LOOK_MS, end.signal)) === 'elapsed') {
      seen.other = !isSameTemplate(template(), wanted);
      if (seen.other) end.abort(new Error('the requested certificate has changed'));
    }
  })();
  try {
    return await requestCertificate(wanted, options, end.signal);
  } catch (error) {
    if (seen.other && !signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
    end.abort('done');
    await looking;
  }
}

interface Figures {
  left(certificate: Certificate | undefined, nowMs: number): void;
  renewed(before: Certificate | undefined, nowMs: number): void;
  failed(): void;
}

const DAY_S = 86_400;

/** @see Kubernetes 1.36 pkg/kubelet/certificate/kubelet.go */
function figuresOf({ purpose, metrics }: RotationOptions): Figures {
  const ttl: Gauge = metrics.gauge({
    name: `kubelet_certificate_manager_${purpose}_ttl_seconds`,
    help: `Seconds until the kubelet's ${purpose} certificate expires; negative after its expiry, +Inf without one.`,
  });
  const errors = metrics.counter({
    name:
      purpose === 'client'
        ? 'kubelet_certificate_manager_client_expiration_renew_errors'
        : 'kubelet_server_expiration_renew_errors',
    help: `Number of failed renewals of the kubelet's ${purpose} certificate.`,
  });
  const ages =
    purpose === 'server'
      ? metrics.histogram({
          name: 'kubelet_certificate_manager_server_rotation_seconds',
          help: 'Age of the serving certificate when it was replaced, in seconds.',
          buckets: [
            60,
            3600,
            4 * 3600,
            ...[1, 7, 30, 90, 180, 360, 1440].map((days) => days * DAY_S),
          ],
        })
      : undefined;
  return {
    left: (certificate, nowMs) =>
      ttl.set(certificate === undefined ? Infinity : (certificate.notAfterMs - nowMs) / 1000),
    renewed: (before, nowMs) => {
      if (before !== undefined) ages?.observe((nowMs - before.notBeforeMs) / 1000);
    },
    failed: () => errors.increment(),
  };
}
