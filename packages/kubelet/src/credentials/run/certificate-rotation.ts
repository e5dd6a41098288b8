import type { Gauge, Logger, Metrics } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

import type { Certificate, CertificatePurpose, CertificateTemplate } from '../model/certificate.js';
import { isSameTemplate } from '../plan/certificate-template.js';
import { retryDelayMs, rotationDeadlineMs } from '../plan/rotation.js';
import type { CertificateStore } from '../ports.js';
import { requestCertificate, type RequestPorts } from './request-certificate.js';
import { saveIssued } from './save-issued.js';

export interface RotationOptions extends RequestPorts {
  readonly purpose: CertificatePurpose;
  /** What is wanted now; undefined while that cannot be told. */
  readonly template: () => CertificateTemplate | undefined;
  readonly store: CertificateStore;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** How often a template that may change is looked at. */
const LOOK_MS = 1000;
/** How often the file is looked at, in case somebody else has replaced it. */
const REREAD_MS = 60_000;

/**
 * Keeps a certificate in force: asks for the next one in time, at once when there is none, when it is
 * over, or when the node's names or addresses have changed.
 *
 * @throws when a client certificate is over and the server, which does answer, gives no new one:
 *   nothing can be done any more but to begin anew, with the bootstrap credentials
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
        // Whatever keeps it from being read, it goes on being shown.
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
      if (pem === undefined) continue; // another one is wanted by now
      await saveIssued(pem, { template: wanted, held: current }, options);
      figures.renewed(current, clock.nowMs());
      current = (await store.current())?.certificate;
      readAtMs = clock.monotonicMs();
      // One that lacks names is asked for again, not at once: that would have no end.
      if (rotationDeadlineMs(current, wanted, chance) <= clock.nowMs()) {
        throw new Error('the certificate that was issued is not the one that was asked for');
      }
      log.info({ purpose, names: [...wanted.dnsNames, ...wanted.ipAddresses] }, 'new certificate');
      failures = 0;
      chance = random();
    } catch (err) {
      if (signal.aborted) return;
      failures += 1;
      figures.failed();
      if (purpose === 'client') assertNotLost(current, err, clock.nowMs());
      const waitMs = retryDelayMs(failures, random());
      log.warn({ purpose, err, retryInMs: waitMs }, 'certificate not renewed');
      if ((await clock.sleep(waitMs, signal)) === 'aborted') return;
    }
  }
}

/** A server that is away may come back and believe the certificate of then; one that answers will not. */
function assertNotLost(current: Certificate | undefined, cause: unknown, nowMs: number): void {
  if (current === undefined || current.notAfterMs > nowMs) return;
  if (isKubeError(cause, 'KUBE_UNAVAILABLE')) return;
  const ended = new Date(current.notAfterMs).toISOString();
  const text = `the client certificate ended ${ended} and the API server gives no new one`;
  throw new Error(text, { cause });
}

/** @returns undefined when, meanwhile, something else is wanted */
async function withTemplate(
  options: RotationOptions,
  wanted: CertificateTemplate,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof requestCertificate>> | undefined> {
  const { template, clock } = options;
  const end = new AbortController();
  const leave = (): void => end.abort(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  let isOther = false;
  const looking = (async (): Promise<void> => {
    while ((await clock.sleep(LOOK_MS, end.signal)) === 'elapsed') {
      isOther = !isSameTemplate(template(), wanted);
      if (isOther) end.abort(new Error('something else is wanted now'));
    }
  })();
  try {
    return await requestCertificate(wanted, options, end.signal);
  } catch (error) {
    if (isOther && !signal.aborted) return undefined;
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
    help: `Seconds until the kubelet's ${purpose} certificate ends; negative when it is over, +Inf without one.`,
  });
  const errors = metrics.counter({
    name:
      purpose === 'client'
        ? 'kubelet_certificate_manager_client_expiration_renew_errors'
        : 'kubelet_server_expiration_renew_errors',
    help: `Times that the kubelet's ${purpose} certificate could not be renewed.`,
  });
  const ages =
    purpose === 'server'
      ? metrics.histogram({
          name: 'kubelet_certificate_manager_server_rotation_seconds',
          help: 'How long the serving certificate had lived when it was replaced.',
          buckets: [60, 3600, 4 * 3600, DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, 365 * DAY_S],
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
