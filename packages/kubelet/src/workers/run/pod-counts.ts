import type { Counter, Gauge, Metrics } from '@nodeagent/base';

/** One pod, as its worker sees it. */
export interface CountedPod {
  readonly lifecycle: 'sync' | 'terminating' | 'terminated';
  /** `orphan`: no source contains it any more. */
  readonly config: 'desired' | 'orphan';
  readonly isStatic: boolean;
  /** Neither refused nor ended. */
  readonly isActive: boolean;
  /** Number of ephemeral containers in its spec. */
  readonly ephemeral: number;
}

const LIFECYCLES = ['sync', 'terminating', 'terminated'] as const;
const CONFIGS = ['desired', 'orphan'] as const;

/**
 * Publishes the numbers of pods as metrics.
 *
 * @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go
 */
export class PodCounts {
  readonly #desired: Gauge;
  readonly #active: Gauge;
  readonly #mirrors: Gauge;
  readonly #working: Gauge;
  readonly #ephemeral: Gauge;
  readonly #orphaned: Counter;
  readonly #restarted: Counter;

  constructor(metrics: Metrics) {
    const gauge = (name: string, help: string, labelNames: readonly string[]): Gauge =>
      metrics.gauge({ name, help, labelNames });
    this.#desired = gauge('kubelet_desired_pods', 'Pods that the sources assign to this node.', [
      'static',
    ]);
    this.#active = gauge('kubelet_active_pods', 'Pods that count for admission.', ['static']);
    this.#mirrors = gauge('kubelet_mirror_pods', 'Mirror pods in the API.', []);
    const labels = ['lifecycle', 'config', 'static'];
    this.#working = gauge('kubelet_working_pods', 'Pods that have a worker.', labels);
    this.#ephemeral = gauge(
      'kubelet_managed_ephemeral_containers',
      'Ephemeral containers of the pods that the sources assign to this node.',
      [],
    );
    this.#orphaned = metrics.counter({
      name: 'kubelet_orphaned_runtime_pods_total',
      help: 'Pods in the runtime that are in no source.',
    });
    this.#restarted = metrics.counter({
      name: 'kubelet_restarted_pods_total',
      help: 'Pods that were deleted and created again with the same uid while their worker ran.',
      labelNames: ['static'],
    });
  }

  update(pods: readonly CountedPod[], mirrors: number): void {
    this.#mirrors.set(mirrors);
    this.#ephemeral.set(pods.reduce((sum, { ephemeral }) => sum + ephemeral, 0));
    for (const isStatic of [false, true]) {
      const label = { static: isStatic ? 'true' : '' };
      const own = pods.filter((pod) => pod.isStatic === isStatic);
      this.#desired.set(own.filter(({ config }) => config === 'desired').length, label);
      this.#active.set(own.filter(({ isActive }) => isActive).length, label);
      for (const lifecycle of LIFECYCLES) {
        for (const config of CONFIGS) {
          const found = own.filter((pod) => pod.lifecycle === lifecycle && pod.config === config);
          this.#working.set(found.length, { lifecycle, config, ...label });
        }
      }
    }
  }

  orphaned(): void {
    this.#orphaned.increment();
  }

  restarted(isStatic: boolean): void {
    this.#restarted.increment({ static: isStatic ? 'true' : '' });
  }
}
