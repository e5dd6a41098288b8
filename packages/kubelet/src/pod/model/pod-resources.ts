import { parseQuantity } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { isSidecar } from './pod-spec.js';

/** In nano-units, by resource name. */
export type Amounts = ReadonlyMap<string, bigint>;

/**
 * The resources that a pod requests: the sum of its regular containers and sidecars, or the largest
 * init container with the sidecars before it, whichever is more; plus the overhead of its sandbox.
 * Pod-level resources, if given, replace the sums.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-helpers/resource/helpers.go, PodRequests
 */
export function podRequests(pod: Pod): Amounts {
  const asked = wholeOf(pod, 'requests');
  return sum(asked, amountsOf(pod.spec?.overhead));
}

/**
 * The same for limits. The overhead is added only to resources that are limited. If one container
 * leaves a resource unlimited, the sum of the others still counts here.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-helpers/resource/helpers.go, PodLimits
 */
export function podLimits(pod: Pod): Amounts {
  const limited = wholeOf(pod, 'limits');
  const overhead = amountsOf(pod.spec?.overhead);
  return new Map([...limited].map(([name, amount]) => [name, amount + (overhead.get(name) ?? 0n)]));
}

function wholeOf(pod: Pod, kind: 'requests' | 'limits'): Amounts {
  const { spec } = pod;
  const of = ({ resources }: Container): Amounts => amountsOf(resources?.[kind]);
  const regular = (spec?.containers ?? []).map(of).reduce(sum, EMPTY);
  let sidecars = EMPTY;
  let largestInit = EMPTY;
  for (const init of spec?.initContainers ?? []) {
    if (isSidecar(init)) {
      sidecars = sum(sidecars, of(init));
      largestInit = larger(largestInit, sidecars);
    } else {
      largestInit = larger(largestInit, sum(sidecars, of(init)));
    }
  }
  const total = larger(sum(regular, sidecars), largestInit);
  return new Map([...total, ...amountsOf(spec?.resources?.[kind])]);
}

/**
 * The largest amount of one resource that a pod's containers use at one time: regular containers
 * and sidecars together, or the largest step of initialization.
 */
export function largestNeed(pod: Pod, of: (container: Container) => bigint): bigint {
  const regular = (pod.spec?.containers ?? []).reduce((total, each) => total + of(each), 0n);
  let sidecars = 0n;
  let largestStep = 0n;
  for (const init of pod.spec?.initContainers ?? []) {
    if (isSidecar(init)) sidecars += of(init);
    const step = isSidecar(init) ? sidecars : sidecars + of(init);
    if (step > largestStep) largestStep = step;
  }
  const together = regular + sidecars;
  return together > largestStep ? together : largestStep;
}

/** Parses quantities. Unreadable ones, which the API refuses, count as zero. */
export function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(
    Object.entries(quantities ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? 0n]),
  );
}

export function sum(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (x, y) => x + y);
}

const EMPTY: Amounts = new Map();

function larger(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (x, y) => (x > y ? x : y));
}

function merged(a: Amounts, b: Amounts, join: (x: bigint, y: bigint) => bigint): Amounts {
  const out = new Map(a);
  for (const [name, amount] of b) out.set(name, join(out.get(name) ?? 0n, amount));
  return out;
}
