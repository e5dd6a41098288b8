import type { Metrics } from '@nodeagent/base';
import { parseQuantity } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

/** Counts of resizes, under upstream's names. @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go */
export interface ResizeMeter {
  /** The spec requests other resources than before. */
  requested(before: Pod, after: Pod): void;
  infeasible(detail: string): void;
  /** A deferred resize was granted. */
  accepted(trigger: string): void;
  /** The number of waiting resizes by reason, and the number in progress. */
  counts(pending: ReadonlyMap<string, number>, inProgress: number): void;
}

const REASONS = ['Deferred', 'Infeasible'];

export function createResizeMeter(metrics: Metrics): ResizeMeter {
  const requested = metrics.counter({
    name: 'kubelet_container_requested_resizes_total',
    help: 'Changes of container resources that pod specs requested.',
    labelNames: ['resource', 'requirement', 'operation'],
  });
  const infeasible = metrics.counter({
    name: 'kubelet_pod_infeasible_resizes_total',
    help: 'Infeasible resizes, by cause.',
    labelNames: ['reason_detail'],
  });
  const accepted = metrics.counter({
    name: 'kubelet_pod_deferred_accepted_resizes_total',
    help: 'Deferred resizes that were granted later, by the event that triggered the retry.',
    labelNames: ['retry_trigger'],
  });
  const pending = metrics.gauge({
    name: 'kubelet_pod_pending_resizes',
    help: 'Pods whose resize is not granted, by reason.',
    labelNames: ['reason'],
  });
  const inProgress = metrics.gauge({
    name: 'kubelet_pod_in_progress_resizes',
    help: 'Pods whose resize is granted and not yet in effect.',
  });
  return {
    requested: (before, after) => {
      for (const labels of operations(before, after)) requested.increment(labels);
    },
    infeasible: (detail) => infeasible.increment({ reason_detail: detail }),
    accepted: (trigger) => accepted.increment({ retry_trigger: trigger }),
    counts: (waiting, running) => {
      for (const reason of REASONS) {
        pending.set(waiting.get(reason) ?? 0, { reason: reason.toLowerCase() });
      }
      inProgress.set(running);
    },
  };
}

type Operation = Readonly<Record<'resource' | 'requirement' | 'operation', string>>;

function operations(before: Pod, after: Pod): readonly Operation[] {
  const all = ({ spec }: Pod): readonly Container[] => [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
  ];
  return all(after).flatMap((container) => {
    const old = all(before).find(({ name }) => name === container.name);
    if (old === undefined) return [];
    return (['memory', 'cpu'] as const).flatMap((resource) =>
      (['requests', 'limits'] as const).flatMap((requirement): readonly Operation[] => {
        const amount = ({ resources }: Container): bigint =>
          parseQuantity(resources?.[requirement]?.[resource] ?? '0') ?? 0n;
        const operation = operationOf(amount(old), amount(container));
        return operation === undefined ? [] : [{ resource, requirement, operation }];
      }),
    );
  });
}

function operationOf(before: bigint, after: bigint): string | undefined {
  if (before === after) return undefined;
  if (before === 0n) return 'add';
  if (after === 0n) return 'remove';
  return after > before ? 'increase' : 'decrease';
}
