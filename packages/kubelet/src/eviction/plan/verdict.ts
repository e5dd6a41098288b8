import { formatQuantity, parseQuantity, type Quantity, quantityToUnits } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { type FailureVerdict, podName, podRequests } from '../../pod/index.js';
import { type ScarceResource, SIGNALS } from '../model/signal.js';
import type { ContainerUse, PodFigures } from '../model/snapshot.js';
import type { DueThreshold } from './pass.js';

export const EVICTED = 'Evicted';

/** The end of a pod by eviction, and the annotations of its event. */
export interface Eviction {
  readonly verdict: FailureVerdict;
  readonly annotations: Readonly<Record<string, string>>;
}

const NANO = 1_000_000_000n;
const units = (count: number): Quantity => BigInt(Math.trunc(count)) * NANO;

/** Sizes are binary; numbers of inodes and processes are decimal. */
function shown(count: number, resource: ScarceResource): string {
  const isSize = resource === 'memory' || resource === 'ephemeral-storage';
  return formatQuantity(units(count), isSize ? 'binary' : 'decimal');
}

/**
 * The words of an eviction for a crossed threshold.
 *
 * @param due the threshold to act on, first, and the others that are due
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, evictionMessage
 */
export function thresholdEviction(
  pod: Pod,
  figures: PodFigures | undefined,
  due: readonly [DueThreshold, ...(readonly DueThreshold[])],
): Eviction {
  const { resource } = SIGNALS[due[0].signal];
  const told = due.find(({ signal }) => SIGNALS[signal].resource === resource) ?? due[0];
  const limit = formatQuantity(units(told.amount), 'binary');
  const available = shown(told.observation.available, resource);
  const head = `The node was low on resource: ${resource}. Threshold quantity: ${limit}, available: ${available}. `;
  if (figures === undefined) return evictionOf(head, {});
  const podPart = podConsumption(pod, figures, resource);
  const greedy = figures.containers.flatMap((each) => consumption(pod, each, resource));
  const message = [head, podPart?.text ?? '', ...greedy.map(({ text }) => text)].join('');
  return evictionOf(message, {
    ...(podPart !== undefined && {
      offending_pod: podName(pod),
      offending_pod_usage: podPart.used,
    }),
    offending_containers: greedy.map(({ name }) => name).join(','),
    offending_containers_usage: greedy.map(({ used }) => used).join(','),
    starved_resource: resource,
  });
}

function evictionOf(message: string, annotations: Eviction['annotations']): Eviction {
  return { verdict: { reason: EVICTED, message, disruption: message }, annotations };
}

interface Consumption {
  readonly text: string;
  readonly name: string;
  readonly used: string;
}

/** Only memory is told of whole pods, and only of those that request it as a whole. */
function podConsumption(
  pod: Pod,
  { memoryBytes }: PodFigures,
  resource: ScarceResource,
): Consumption | undefined {
  if (resource !== 'memory' || memoryBytes === undefined) return undefined;
  if (pod.spec?.resources?.requests?.['memory'] === undefined) return undefined;
  const request = formatQuantity(podRequests(pod).get('memory') ?? 0n, 'binary');
  return consumed({
    kind: 'Pod',
    name: podName(pod),
    used: shown(memoryBytes, resource),
    request,
    resource,
  });
}

function consumption(
  { spec }: Pod,
  { name, memoryBytes, rootfs, logs }: ContainerUse,
  resource: ScarceResource,
): readonly Consumption[] {
  const all: readonly Container[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const container = all.find((each) => each.name === name);
  if (container === undefined) return [];
  const disk = rootfs && logs && rootfs.bytes + logs.bytes;
  const amounts = {
    memory: memoryBytes,
    'ephemeral-storage': disk,
    inodes: undefined,
    pids: undefined,
  };
  const used = amounts[resource];
  const asked = requestOf(container, resource);
  if (used === undefined || used <= quantityToUnits(asked)) return [];
  const request = formatQuantity(asked, 'binary');
  return [consumed({ kind: 'Container', name, used: shown(used, resource), request, resource })];
}

function requestOf({ resources }: Container, resource: ScarceResource): Quantity {
  const text = resources?.requests?.[resource];
  return (text === undefined ? undefined : parseQuantity(text)) ?? 0n;
}

function consumed({
  kind,
  name,
  used,
  request,
  resource,
}: Readonly<Record<'kind' | 'name' | 'used' | 'request' | 'resource', string>>): Consumption {
  const text = `${kind} ${name} was using ${used}, request is ${request}, has larger consumption of ${resource}. `;
  return { text, name, used };
}
