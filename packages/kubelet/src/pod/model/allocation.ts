import { parseQuantity, quantityToMilli, quantityToUnits } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

/** `resources` of a container, or of a pod as a whole. */
export type Resources = NonNullable<Container['resources']>;

/** The resources allocated to a pod; its spec may already request others. */
export interface PodAllocation {
  /** By container name, including init containers. */
  readonly containers: Readonly<Record<string, Resources>>;
  /** Pod-level resources, if the pod requests any. */
  readonly pod?: Resources;
}

/** The resources of one container that can be changed while it runs; 0 means none. */
export interface ContainerAmounts {
  readonly cpuRequestMilli: number;
  readonly cpuLimitMilli: number;
  readonly memoryRequestBytes: number;
  readonly memoryLimitBytes: number;
}

/** The resources that the spec requests. */
export function allocationOf({ spec }: Pod): PodAllocation {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const containers = Object.fromEntries(all.map(({ name, resources = {} }) => [name, resources]));
  return { containers, ...(spec?.resources && { pod: spec.resources }) };
}

/**
 * The pod as if it had requested exactly its allocation. The kubelet does all its work for this
 * version of the pod.
 *
 * @returns the same object if the spec already matches the allocation
 */
export function withAllocation(pod: Pod, allocation: PodAllocation | undefined): Pod {
  const { spec } = pod;
  if (allocation === undefined || spec === undefined) return pod;
  const given = (container: Container): Container => {
    const resources = allocation.containers[container.name];
    if (resources === undefined || sameResources(container.resources, resources)) return container;
    return { ...container, resources: { ...container.resources, ...resources } };
  };
  const whole = sameResources(spec.resources, allocation.pod);
  const containers = spec.containers.map(given);
  const inits = spec.initContainers?.map(given);
  const isSame =
    whole &&
    containers.every((each, at) => each === spec.containers[at]) &&
    (inits ?? []).every((each, at) => each === spec.initContainers?.[at]);
  if (isSame) return pod;
  const next = { ...spec, containers, ...(inits && { initContainers: inits }) };
  if (!whole && allocation.pod !== undefined) next.resources = allocation.pod;
  if (!whole && allocation.pod === undefined) delete next.resources;
  return { ...pod, spec: next };
}

/** Compares amounts, not spelling: `1000m` equals `1`. */
export function sameResources(a: Resources | undefined, b: Resources | undefined): boolean {
  return sides.every((side) => sameAmounts(a?.[side], b?.[side]));
}

const sides = ['requests', 'limits'] as const;

type Texts = Readonly<Record<string, string>> | undefined;

function sameAmounts(a: Texts = {}, b: Texts = {}): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => {
    const [one, other] = [a[name], b[name]];
    if (one === other) return true;
    return one !== undefined && other !== undefined && parseQuantity(one) === parseQuantity(other);
  });
}

/** The container's resources, with the pod's limits where it has none of its own. */
export function effectiveResources({ spec }: Pod, { resources = {} }: Container): Resources {
  const of = (name: string): Record<string, string> => {
    const whole = spec?.resources?.limits?.[name];
    return quantityOf(resources.limits?.[name]) === 0n && whole !== undefined
      ? { [name]: whole }
      : {};
  };
  const limits = { ...resources.limits, ...of('cpu'), ...of('memory') };
  return { ...resources, ...(Object.keys(limits).length > 0 && { limits }) };
}

/** A container without a limit of its own gets the pod's. */
export function amountsIn(
  pod: Resources | undefined,
  { requests, limits }: Resources,
): ContainerAmounts {
  const limit = (name: string): bigint =>
    quantityOf(limits?.[name]) || quantityOf(pod?.limits?.[name]);
  return {
    cpuRequestMilli: quantityToMilli(quantityOf(requests?.['cpu'])),
    cpuLimitMilli: quantityToMilli(limit('cpu')),
    memoryRequestBytes: quantityToUnits(quantityOf(requests?.['memory'])),
    memoryLimitBytes: quantityToUnits(limit('memory')),
  };
}

/** The reverse of {@link amountsIn}; none is written as 0. */
export function resourcesOf(amounts: ContainerAmounts): Resources {
  return {
    requests: {
      cpu: `${amounts.cpuRequestMilli}m`,
      memory: String(amounts.memoryRequestBytes),
    },
    limits: { cpu: `${amounts.cpuLimitMilli}m`, memory: String(amounts.memoryLimitBytes) },
  };
}

export function sameContainerAmounts(a: ContainerAmounts, b: ContainerAmounts): boolean {
  return (
    a.cpuRequestMilli === b.cpuRequestMilli &&
    a.cpuLimitMilli === b.cpuLimitMilli &&
    a.memoryRequestBytes === b.memoryRequestBytes &&
    a.memoryLimitBytes === b.memoryLimitBytes
  );
}

function quantityOf(text: string | undefined): bigint {
  return parseQuantity(text ?? '0') ?? 0n;
}
