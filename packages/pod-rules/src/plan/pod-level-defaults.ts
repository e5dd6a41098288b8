import { formatQuantity, parseQuantity, type Quantity, type QuantityFormat } from '@nodeagent/base';
import { asWritten, type Container, type PodSpec } from '@nodeagent/kube-client';

/** The operations on amounts: parse, add, compare. */
export interface AmountRules<T> {
  readonly read: (text: string) => T;
  readonly add: (to: T, amount: T) => T;
  /** Returns `challenger` if it is more than `holder`. */
  readonly larger: (challenger: T, holder: T) => T;
}

/** Amounts by the name of the resource: `cpu`, `memory`, `hugepages-2Mi`. */
export type AmountsByName<T> = ReadonlyMap<string, T>;
type Kind = 'limits' | 'requests';
type ResourceList = Readonly<Record<string, string>>;

/**
 * The default limits and requests of a pod with pod-level resources, besides those that it sets
 * itself. Limits of huge pages, and requests of CPU and memory, are the totals of its containers;
 * other requests equal its limits. The containers' own defaults must be filled in already.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, defaultHugePagePodLimits, defaultPodRequests
 */
export function podLevelDefaults<T>(
  spec: PodSpec,
  rules: AmountRules<T>,
): Readonly<Record<Kind, AmountsByName<T>>> {
  const limits = new Map<string, T>();
  const requests = new Map<string, T>();
  const { limits: ownLimits = {}, requests: ownRequests = {} } = ownResources(spec);
  const isSaid = Object.keys(ownLimits).length + Object.keys(ownRequests).length > 0;
  if (!isSaid) return { limits, requests };
  for (const [name, amount] of together(spec, 'limits', rules)) {
    if (isHugePages(name) && !(name in ownLimits) && !(name in ownRequests)) {
      limits.set(name, amount);
    }
  }
  const allLimits = new Map([...readAll(ownLimits, rules), ...limits]);
  if (allLimits.size === 0) return { limits, requests };
  for (const [name, amount] of together(spec, 'requests', rules)) {
    if (OVERCOMMITTED.has(name) && !(name in ownRequests)) requests.set(name, amount);
  }
  for (const [name, amount] of allLimits) {
    const counts = OVERCOMMITTED.has(name) || isHugePages(name);
    if (counts && !(name in ownRequests) && !requests.has(name)) requests.set(name, amount);
  }
  return { limits, requests };
}

const OVERCOMMITTED: ReadonlySet<string> = new Set(['cpu', 'memory']);

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

function ownResources(spec: PodSpec): { limits?: ResourceList; requests?: ResourceList } {
  return spec.resources ?? {};
}

/**
 * The largest amount that the containers need at one time: sidecars count together with every later
 * container.
 */
export function together<T>(spec: PodSpec, kind: Kind, rules: AmountRules<T>): AmountsByName<T> {
  const listOf = ({ resources }: Container): AmountsByName<T> =>
    readAll(resources?.[kind] ?? {}, rules);
  const total = new Map<string, T>();
  for (const container of asWritten(spec).containers ?? []) addAll(total, listOf(container), rules);
  const sidecars = new Map<string, T>();
  const starting = new Map<string, T>();
  for (const container of spec.initContainers ?? []) {
    const own = listOf(container);
    if (container.restartPolicy === 'Always') {
      addAll(total, own, rules);
      addAll(sidecars, own, rules);
      raiseAll(starting, sidecars, rules);
    } else {
      const beside = new Map(own);
      addAll(beside, sidecars, rules);
      raiseAll(starting, beside, rules);
    }
  }
  raiseAll(total, starting, rules);
  return total;
}

function readAll<T>(list: ResourceList, { read }: AmountRules<T>): Map<string, T> {
  return new Map(Object.entries(list).map(([name, text]) => [name, read(text)]));
}

function addAll<T>(to: Map<string, T>, list: AmountsByName<T>, { add }: AmountRules<T>): void {
  for (const [name, amount] of list) {
    const before = to.get(name);
    to.set(name, before === undefined ? amount : add(before, amount));
  }
}

function raiseAll<T>(to: Map<string, T>, list: AmountsByName<T>, { larger }: AmountRules<T>): void {
  for (const [name, amount] of list) {
    const before = to.get(name);
    to.set(name, before === undefined ? amount : larger(amount, before));
  }
}

interface Written {
  readonly amount: Quantity;
  readonly format: QuantityFormat;
}

/** Amounts in the API's notation: a sum has the format of its first part that is not zero. */
const WRITTEN: AmountRules<Written> = {
  read: (text) => ({
    amount: parseQuantity(text) ?? 0n,
    format: text.endsWith('i') ? 'binary' : 'decimal',
  }),
  add: (to, { amount, format }) => ({
    amount: to.amount + amount,
    format: to.amount === 0n ? format : to.format,
  }),
  larger: (challenger, holder) => (challenger.amount > holder.amount ? challenger : holder),
};

/** Writes `podLevelDefaults` into the spec. */
export function defaultPodLevelResources(spec: PodSpec): void {
  if (spec.resources === undefined) return;
  const found = podLevelDefaults(spec, WRITTEN);
  for (const kind of ['limits', 'requests'] as const) {
    if (found[kind].size === 0) continue;
    const texts = [...found[kind]].map(
      ([name, { amount, format }]) => [name, formatQuantity(amount, format)] as const,
    );
    spec.resources[kind] = { ...Object.fromEntries(texts), ...spec.resources[kind] };
  }
}
