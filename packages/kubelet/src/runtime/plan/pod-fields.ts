import { parseQuantity } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { findContainer, initContainers, podName, podNamespace, podUid } from '../../pod/index.js';
import { goQuoted } from './go-quote.js';

/** The facts about the node that pods may read. */
export interface NodeFacts {
  /** Primary family first. */
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface FieldContext {
  readonly node: NodeFacts;
  readonly podIps: readonly string[];
}

const KEYED = /^metadata\.(labels|annotations)\['(.*)'\]$/s;

/**
 * The value of a `fieldRef`.
 *
 * @returns undefined for a path that is not supported
 * @see Kubernetes 1.36 pkg/fieldpath/fieldpath.go
 */
export function podField(pod: Pod, path: string, context: FieldContext): string | undefined {
  const keyed = KEYED.exec(path);
  if (keyed !== null) {
    const [, kind, key = ''] = keyed;
    return (
      ownValue(kind === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations, key) ?? ''
    );
  }
  const ips = pod.spec?.hostNetwork === true ? context.node.hostIps : context.podIps;
  switch (path) {
    case 'metadata.name':
      return podName(pod);
    case 'metadata.namespace':
      return podNamespace(pod);
    case 'metadata.uid':
      return podUid(pod);
    case 'metadata.labels':
      return sortedPairs(pod.metadata?.labels);
    case 'metadata.annotations':
      return sortedPairs(pod.metadata?.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return context.node.hostIps[0] ?? '';
    case 'status.hostIPs':
      return context.node.hostIps.join(',');
    case 'status.podIP':
      return ips[0] ?? '';
    case 'status.podIPs':
      return ips.join(',');
    default:
      return undefined;
  }
}

/** Reads an own property only: `constructor` is a valid key, and every object inherits it. */
export function ownValue(
  map: Readonly<Record<string, string>> | undefined,
  key: string,
): string | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** `k="v"` lines in key order; values are escaped as Go quotes them. */
function sortedPairs(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${goQuoted(value)}`)
    .join('\n');
}

interface ResourceSelector {
  readonly containerName?: string;
  readonly resource: string;
  /** A quantity; a manifest may also contain a plain number. */
  readonly divisor?: string | number;
}

/**
 * The value of a `resourceFieldRef`, in units of its divisor and rounded up. A missing limit is
 * replaced by the pod's limit, or by the node's allocatable amount.
 *
 * @returns undefined for a resource that is not supported, or a container that does not exist
 * @see Kubernetes 1.36 pkg/api/v1/resource/helpers.go
 */
export function resourceField(
  selector: ResourceSelector,
  owner: Readonly<{ pod: Pod; container: Container | undefined; node: NodeFacts }>,
): string | undefined {
  const { pod, node } = owner;
  const { containerName = '', resource } = selector;
  const container =
    containerName === '' ? owner.container : findContainer(pod, containerName)?.spec;
  const found = /^(limits|requests)\.(.+)$/.exec(resource);
  if (container === undefined || found === null) return undefined;
  const [, side = '', name = ''] = found;
  if (!/^(cpu|memory|ephemeral-storage|hugepages-.+)$/.test(name)) return undefined;
  let amount = quantity(container.resources?.[side as 'limits' | 'requests']?.[name]);
  // An init container that is referred to by name has only the limits that its own spec states.
  const isNamedInit = initContainers(pod).some(({ spec }) => spec.name === containerName);
  if (side === 'limits' && amount === 0n && !name.startsWith('hugepages-') && !isNamedInit) {
    const ofPod = name === 'ephemeral-storage' ? undefined : pod.spec?.resources?.limits?.[name];
    amount = quantity(ofPod);
    if (amount === 0n) amount = quantity(node.allocatable[name]);
  }
  const divisor = quantity(selector.divisor) || 1_000_000_000n;
  return String((amount + divisor - 1n) / divisor);
}

function quantity(text: string | number | undefined): bigint {
  return parseQuantity(String(text ?? '0')) ?? 0n;
}
