import { Buffer } from 'node:buffer';
import { setTimeout as delay } from 'node:timers/promises';

import {
  type KubeClient,
  POD_CERTIFICATE_REQUESTS,
  type PodCertificateRequest,
} from '@nodeagent/kube-client';
import { type Authority, createAuthority } from '@nodeagent/testbed';

/** The annotation by which a pod requests a refusal: `Denied` or `Failed`. */
export const REFUSE_ANNOTATION = 'nodeagent.test/refuse';

export interface PodSigner {
  readonly authority: Authority;
  readonly signerName: string;
  stop(): Promise<void>;
}

const EVERY_MS = 100;
const HOUR_SECONDS = 3600;

/** Answers pods' certificate requests as any signer does: as an ordinary client of the API. */
export async function startPodSigner(client: KubeClient, signerName: string): Promise<PodSigner> {
  const authority = await createAuthority('pods');
  const end = new AbortController();
  const { signal } = end;
  const answerAll = async (): Promise<void> => {
    const selectors = { fieldSelector: `spec.signerName=${signerName}` };
    const { items } = await client.list(POD_CERTIFICATE_REQUESTS, selectors, signal);
    const open = items.filter(({ status }) => (status?.conditions ?? []).length === 0);
    for (const request of open) {
      const { namespace = '', name = '' } = request.metadata ?? {};
      const status = await answer(authority, request);
      const patch = { type: 'merge', body: { status }, subresource: 'status' } as const;
      await client.patch(POD_CERTIFICATE_REQUESTS, { namespace, name }, patch, signal);
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await answerAll();
      await delay(EVERY_MS, undefined, { signal });
    }
  };
  const running = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    authority,
    signerName,
    stop: async () => {
      end.abort();
      await running;
    },
  };
}

async function answer(
  authority: Authority,
  { spec }: PodCertificateRequest,
): Promise<NonNullable<PodCertificateRequest['status']>> {
  const refusal = spec.unverifiedUserAnnotations?.[REFUSE_ANNOTATION];
  const decided = (type: string, reason: string, message: string) => [
    { type, status: 'True', reason, message, lastTransitionTime: timestamp(new Date()) },
  ];
  if (refusal !== undefined) {
    return { conditions: decided(refusal, 'AskedTo', 'the pod asks to be refused') };
  }
  const { certificatePem, notBefore, notAfter } = await authority.sign({
    requestDer: Buffer.from(spec.stubPKCS10Request, 'base64'),
    commonName: `${spec.podName}.${spec.serviceAccountName}`,
    seconds: Math.min(spec.maxExpirationSeconds ?? HOUR_SECONDS, 2 * HOUR_SECONDS),
  });
  const halfway = new Date((notBefore.getTime() + notAfter.getTime()) / 2);
  return {
    conditions: decided('Issued', 'Issued', 'as asked'),
    certificateChain: certificatePem + authority.certificatePem,
    notBefore: timestamp(notBefore),
    beginRefreshAt: timestamp(halfway),
    notAfter: timestamp(notAfter),
  };
}

/** In whole seconds, as X.509 and the API require. */
function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
