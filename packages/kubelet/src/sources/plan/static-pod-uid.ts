import type { Pod, PodSpec } from '@nodeagent/kube-client';
import { podLevelDefaults } from '@nodeagent/pod-rules';

import { addGoQuantity, largerGoQuantity, parseGoQuantity } from '../model/go-quantity.js';
import { fnv128a } from '../model/manifest-hash.js';
import type { ManifestOrigin } from '../model/manifest-origin.js';
import { podType } from '../model/pod-types.js';
import { goDump } from '../render/go-dump.js';

/**
 * The uid of a static pod that gives none: the Go kubelet's, digit for digit, so that a node whose
 * kubelet is exchanged keeps its static pods as they run.
 *
 * It is a hash of a print of Go's structures, which have more to them than a manifest's meaning: an
 * empty list is not an absent one, `1000m` not `1`. Three things are not as Go has them: times (the
 * print holds the time zones of the machine), `fieldsV1` of JSON with spaces in it, and integers
 * that are too large for JavaScript. None has a place in a manifest that somebody wrote.
 * Defaults are those of 1.36 with its feature gates as they are of themselves.
 *
 * @param said the pod as its manifest has it
 * @param spec the same, with defaults
 * @see Kubernetes 1.36 pkg/kubelet/config/common.go, applyDefaults
 */
export function staticPodUid(
  said: Pod,
  spec: PodSpec,
  origin: ManifestOrigin,
  nodeName: string,
): string {
  const place =
    origin.kind === 'file' ? `host:${nodeName}file:${origin.path}` : `url:${origin.url}`;
  return fnv128a(`${staticPodDump(said, spec)}${place}`);
}

/** What is hashed of the pod itself. */
export function staticPodDump(said: Pod, spec: PodSpec): string {
  return goDump(podType(), {
    metadata: metadataInMemory(said),
    spec: specInMemory(said.spec ?? ({} as PodSpec), spec),
    status: statusInMemory(said.status),
  });
}

/** Init containers once were annotations. */
const DROPPED: ReadonlySet<string> = new Set([
  'pod.beta.kubernetes.io/init-containers',
  'pod.alpha.kubernetes.io/init-containers',
  'pod.beta.kubernetes.io/init-container-statuses',
  'pod.alpha.kubernetes.io/init-container-statuses',
]);

function metadataInMemory({ metadata = {} }: Pod): object {
  const { annotations } = metadata;
  if (annotations === undefined) return metadata;
  const kept = Object.entries(annotations).filter(([name]) => !DROPPED.has(name));
  return { ...metadata, annotations: Object.fromEntries(kept) };
}

/** Fields of the host's namespaces have another place in memory. */
function specInMemory(said: PodSpec, spec: PodSpec): object {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec;
  const hosts = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  return {
    ...spec,
    securityContext: { ...spec.securityContext, ...hosts },
    resources: resourcesInMemory(said, spec),
  };
}

/** Amounts that are sums have a history, which their text does not tell. */
function resourcesInMemory(said: PodSpec, spec: PodSpec): object | undefined {
  const { resources } = spec;
  if (resources === undefined) return undefined;
  const summed = podLevelDefaults(
    { ...spec, resources: said.resources ?? {} },
    { read: parseGoQuantity, add: addGoQuantity, larger: largerGoQuantity },
  );
  return {
    ...resources,
    ...(resources.limits && { limits: { ...resources.limits, ...entries(summed.limits) } }),
    ...(resources.requests && { requests: { ...resources.requests, ...entries(summed.requests) } }),
  };
}

function entries<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  return Object.fromEntries(map);
}

function statusInMemory(status: Pod['status'] = {}): object {
  const { podIP = '', podIPs = [] } = status;
  return podIP === '' || podIPs[0]?.ip === podIP ? status : { ...status, podIPs: [{ ip: podIP }] };
}
