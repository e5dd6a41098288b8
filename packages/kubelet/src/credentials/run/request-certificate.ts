import type { Clock, Logger, Random } from '@nodeagent/base';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  isKubeError,
  type KubeClient,
  runReflector,
} from '@nodeagent/kube-client';

import type { CertificateTemplate, KeyedPem } from '../model/certificate.js';
import {
  outcomeOf,
  pendingRequestName,
  type RequestOutcome,
  signingRequest,
} from '../plan/signing-request.js';
import type { PendingKey, RequestMaker } from '../ports.js';

export interface RequestPorts {
  readonly client: KubeClient;
  readonly requests: RequestMaker;
  /** With it, a restarted kubelet waits for the answer to its earlier request. */
  readonly pendingKey?: PendingKey | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Time limit for the approval of a request; the next attempt creates a new request. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Requests a certificate from the cluster's signer, and waits until it is approved and signed.
 *
 * @throws {Error} if it is refused, or not signed within a quarter of an hour; {KubeError}
 */
export async function requestCertificate(
  template: CertificateTemplate,
  ports: RequestPorts,
  signal: AbortSignal,
): Promise<KeyedPem> {
  const { client, requests, pendingKey } = ports;
  const kept = await pendingKey?.read();
  const { requestPem, keyPem } = await requests.make(template, kept);
  if (kept === undefined) await pendingKey?.write(keyPem);
  const known = pendingKey && pendingRequestName(keyPem, template);
  const name = await client
    .create(
      CERTIFICATE_SIGNING_REQUESTS,
      signingRequest(template.purpose, requestPem, known),
      signal,
    )
    .then(({ metadata }) => metadata?.name ?? '')
    .catch((error: unknown) => {
      // An earlier run created the request, with this key according to the name.
      if (known !== undefined && isKubeError(error, 'KUBE_ALREADY_EXISTS')) return known;
      throw error;
    });
  const outcome = await finalOutcome(name, ports, signal);
  // A refused key would be refused again, so the next attempt uses a new one.
  if (outcome.kind === 'refused') await pendingKey?.remove();
  if (outcome.kind === 'issued') return { certificatePem: outcome.certificatePem, keyPem };
  if (outcome.kind === 'refused') throw new Error(outcome.why);
  throw new Error(
    `certificate signing request ${name} was not approved and signed within ${PATIENCE_MS / 60_000} minutes: kubectl certificate approve ${name}`,
  );
}

async function finalOutcome(
  name: string,
  { client, clock, random, log }: RequestPorts,
  signal: AbortSignal,
): Promise<RequestOutcome> {
  const enough = new AbortController();
  const leave = (): void => enough.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', leave, { once: true });
  let outcome: RequestOutcome = { kind: 'pending' };
  const look = (next: RequestOutcome): void => {
    outcome = next;
    if (next.kind !== 'pending') enough.abort('answered');
  };
  const sink = {
    replace: (items: ReadonlyMap<string, RequestOutcome>) => {
      for (const next of items.values()) look(next);
    },
    upsert: (_: string, next: RequestOutcome) => look(next),
    remove: () => undefined,
  };
  const watching = runReflector(
    client,
    {
      resource: CERTIFICATE_SIGNING_REQUESTS,
      selectors: { fieldSelector: `metadata.name=${name}` },
      project: outcomeOf,
      ...{ sink, clock, random, log },
    },
    enough.signal,
  );
  try {
    if ((await clock.sleep(PATIENCE_MS, enough.signal)) === 'elapsed') enough.abort('too late');
    await watching;
  } finally {
    signal.removeEventListener('abort', leave);
  }
  signal.throwIfAborted();
  return outcome;
}
