import type { Pod, PodSpec } from '@nodeagent/kube-client';
import { podLevelDefaults } from '@nodeagent/pod-rules';

import { addGoQuantity, largerGoQuantity, parseGoQuantity } from '../model/go-quantity.js';
import { fnv128a } from '../model/manifest-hash.js';
import type { ManifestOrigin } from '../model/manifest-origin.js';
import { podType } from '../model/pod-types.js';
import { goDump } from '../render/go-dump.js';

/**
 * The uid of a static pod whose manifest has none. It equals upstream's digit for digit, so that a
 * node's static pods keep running when one kubelet replaces another.
 *
 * It is a hash of a dump of Go's structures, which distinguish more than a manifest means: an empty
 * list from an absent one, `1000m` from `1`. Three things differ from Go: times (the dump contains
 * the machine's time zones), `fieldsV1` of JSON with spaces in it, and integers that are too large
 * for JavaScript. None of them belongs in a hand-written manifest. Defaults are those of 1.36 with
 * default feature gates.
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

/** The part of the hashed text that describes the pod. */
export function staticPodDump(said: Pod, spec: PodSpec): string {
  return goDump(podType(), {
    metadata: metadataInMemory(said),
    spec: specInMemory(said.spec ?? ({} as PodSpec), spec),
    status: statusInMemory(said.status),
  });
}

/** Init containers were once given in annotations. */
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

/** In memory, the fields for the host's namespaces are in the security context. */
function specInMemory(said: PodSpec, spec: PodSpec): object {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec;
  const hosts = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  return {
    ...spec,
    securityContext: { ...spec.securityContext, ...hosts },
    resources: resourcesInMemory(said, spec),
  };
}

/** Summed amounts are stored in a form that their text does not show. */
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
