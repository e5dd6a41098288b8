import { Buffer } from 'node:buffer';

import type { Pod, PodCertificateRequest, Volume } from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';

/** A podCertificate source of a projected volume. */
export type PodCertificateSpec = NonNullable<
  NonNullable<NonNullable<Volume['projected']>['sources']>[number]['podCertificate']
>;

export interface RequestFacts {
  /** A PKCS #10 request with only the key and its signature. */
  readonly requestDer: Uint8Array;
  readonly uids: Readonly<{ serviceAccount: string; node: string }>;
}

/** @see Kubernetes 1.36 pkg/kubelet/podcertificate, createPodCertificateRequest */
export function podCertificateRequest(
  pod: Pod,
  { signerName, maxExpirationSeconds, userAnnotations }: PodCertificateSpec,
  { requestDer, uids }: RequestFacts,
): PodCertificateRequest {
  const [name, uid] = [podName(pod), podUid(pod)];
  return {
    apiVersion: 'certificates.k8s.io/v1beta1',
    kind: 'PodCertificateRequest',
    metadata: {
      namespace: podNamespace(pod),
      generateName: 'req-',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
    },
    spec: {
      signerName,
      podName: name,
      podUID: uid,
      serviceAccountName: pod.spec?.serviceAccountName ?? '',
      serviceAccountUID: uids.serviceAccount,
      nodeName: pod.spec?.nodeName ?? '',
      nodeUID: uids.node,
      ...(maxExpirationSeconds !== undefined && { maxExpirationSeconds }),
      stubPKCS10Request: Buffer.from(requestDer).toString('base64'),
      ...(userAnnotations && { unverifiedUserAnnotations: { ...userAnnotations } }),
    },
  };
}
