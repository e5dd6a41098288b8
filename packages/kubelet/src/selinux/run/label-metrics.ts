import type { Gauge, Metrics } from '@nodeagent/base';

export type LabelProblem = 'ambiguous' | 'conflicting' | 'untranslatable';

interface Labels {
  readonly plugin: string;
  readonly accessMode: string;
}

/** Counts in a gauge, as upstream does. */
class Count {
  readonly #gauge: Gauge;
  readonly #hasPlugin: boolean;
  readonly #counts = new Map<string, number>();

  /** @param hasPlugin the gauge has a label for the plug-in */
  constructor(gauge: Gauge, hasPlugin: boolean) {
    this.#gauge = gauge;
    this.#hasPlugin = hasPlugin;
  }

  add({ plugin, accessMode }: Labels): void {
    const key = this.#hasPlugin ? `${plugin} ${accessMode}` : accessMode;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    const labels = { access_mode: accessMode };
    this.#gauge.set(count, this.#hasPlugin ? { volume_plugin: plugin, ...labels } : labels);
  }
}

type Counts = Readonly<Record<LabelProblem, Count>>;

/**
 * Metrics of the labels of volumes. Errors keep a pod from its volume, so each of its attempts
 * counts; warnings do not.
 *
 * @see Kubernetes 1.36 pkg/kubelet/volumemanager/cache/desired_state_of_wold_selinux_metrics.go
 */
export class LabelMetrics {
  readonly #errors: Counts;
  readonly #warnings: Counts;
  readonly #admitted: Count;

  constructor(metrics: Metrics) {
    this.#errors = errorsIn(metrics);
    this.#warnings = warningsIn(metrics);
    const admitted = metrics.gauge({
      name: 'volume_manager_selinux_volumes_admitted_total',
      help: 'Volumes that pods use with one SELinux label.',
      labelNames: ['volume_plugin', 'access_mode'],
    });
    this.#admitted = new Count(admitted, true);
  }

  error(problem: LabelProblem, labels: Labels): void {
    this.#errors[problem].add(labels);
  }

  warning(problem: LabelProblem, labels: Labels): void {
    this.#warnings[problem].add(labels);
  }

  admitted(labels: Labels): void {
    this.#admitted.add(labels);
  }
}

function errorsIn(metrics: Metrics): Counts {
  const untranslatable = metrics.gauge({
    name: 'volume_manager_selinux_container_errors_total',
    help: 'Attempts of pods with a container whose SELinux label cannot be made.',
    labelNames: ['access_mode'],
  });
  const ambiguous = metrics.gauge({
    name: 'volume_manager_selinux_pod_context_mismatch_errors_total',
    help: 'Attempts of pods whose containers use one volume with several SELinux labels.',
    labelNames: ['access_mode'],
  });
  const conflicting = metrics.gauge({
    name: 'volume_manager_selinux_volume_context_mismatch_errors_total',
    help: 'Attempts of pods that use a volume with another SELinux label than an earlier pod.',
    labelNames: ['volume_plugin', 'access_mode'],
  });
  return {
    untranslatable: new Count(untranslatable, false),
    ambiguous: new Count(ambiguous, false),
    conflicting: new Count(conflicting, true),
  };
}

function warningsIn(metrics: Metrics): Counts {
  const untranslatable = metrics.gauge({
    name: 'volume_manager_selinux_container_warnings_total',
    help: 'Volumes of pods with a container whose SELinux label cannot be made, without effect yet.',
    labelNames: ['access_mode'],
  });
  const ambiguous = metrics.gauge({
    name: 'volume_manager_selinux_pod_context_mismatch_warnings_total',
    help: 'Volumes that containers of one pod use with several SELinux labels, without effect yet.',
    labelNames: ['access_mode'],
  });
  const conflicting = metrics.gauge({
    name: 'volume_manager_selinux_volume_context_mismatch_warnings_total',
    help: 'Pods that use a volume with another SELinux label than an earlier pod, without effect yet.',
    labelNames: ['volume_plugin', 'access_mode'],
  });
  return {
    untranslatable: new Count(untranslatable, false),
    ambiguous: new Count(ambiguous, false),
    conflicting: new Count(conflicting, true),
  };
}
