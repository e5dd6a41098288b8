import type { Pod } from '@nodeagent/kube-client';
import {
  annotationErrors,
  defaultPod,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  labelErrors,
  validateNewPod,
} from '@nodeagent/pod-rules';

import { HASH_ANNOTATION, ManifestError, podUidProblem } from '../../pod/index.js';
import type { ManifestOrigin } from '../model/manifest-origin.js';
import { apiReferenceOf } from './api-references.js';
import { staticPodUid } from './static-pod-uid.js';

/** Protects static pods from eviction by taints. */
const TOLERATION = { operator: 'Exists', effect: 'NoExecute' } as const;

/**
 * Turns a manifest into a static pod of this node: fills in the API's defaults, sets the node's uid
 * and name for it, and runs the API server's checks, since no API server has seen it.
 *
 * If the manifest has no uid, the uid is a hash of the defaulted pod, the node and the origin, so
 * the same manifest in the same place always yields the same pod.
 *
 * @throws {ManifestError} for everything that upstream refuses too
 * @see Kubernetes 1.36 pkg/kubelet/config/common.go
 */
export function prepareStaticPod(manifest: Pod, origin: ManifestOrigin, nodeName: string): Pod {
  const { metadata = {}, spec } = structuredClone(manifest);
  const givenName = metadata.name ?? '';
  if (givenName === '') throw new ManifestError('invalid pod: name is needed for the pod');
  if (spec === undefined) throw new ManifestError('invalid pod: spec: Required value');
  defaultPod(spec);
  const uid = (metadata.uid ?? '') || staticPodUid(manifest, spec, origin, nodeName);
  const name = `${givenName}-${nodeName.toLowerCase()}`;
  const namespace = (metadata.namespace ?? '') || 'default';
  const annotations = { ...metadata.annotations, [HASH_ANNOTATION]: uid };
  spec.nodeName = nodeName;
  if (origin.kind === 'file') {
    const others = (spec.tolerations ?? []).filter((each) => !isOurs(each));
    spec.tolerations = [...others, { ...TOLERATION }];
  }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name, namespace, uid, annotations },
    spec,
    status: { phase: 'Pending' },
  };
  assertValid(pod);
  return pod;
}

type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];

function isOurs({ key = '', operator, value = '', effect }: Toleration): boolean {
  return key === '' && value === '' && operator === 'Exists' && effect === 'NoExecute';
}

function invalidUid(message: string): FieldError {
  return { reason: 'FieldValueInvalid', field: 'metadata.uid', message };
}

function assertValid(pod: Pod): void {
  const { name = '', namespace = '', uid = '', labels, annotations } = pod.metadata ?? {};
  const uidProblem = podUidProblem(uid);
  const errors: readonly FieldError[] = [
    ...dnsSubdomainErrors('metadata.name', name),
    ...dnsLabelErrors('metadata.namespace', namespace),
    ...(uidProblem === undefined ? [] : [invalidUid(uidProblem)]),
    ...labelErrors('metadata.labels', labels),
    ...annotationErrors('metadata.annotations', annotations),
    ...validateNewPod(pod),
  ];
  if (errors.length > 0) {
    const texts = errors.map(({ field, message }) => `${field}: ${message}`);
    throw new ManifestError(`invalid pod: ${texts.join(', ')}`);
  }
  const reference = apiReferenceOf(pod);
  if (reference !== undefined)
    throw new ManifestError(`static pods may not reference ${reference}`);
}
