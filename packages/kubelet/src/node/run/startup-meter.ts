import type { Clock, Gauge, Metrics } from '@nodeagent/base';
import type { NodeStage } from '@nodeagent/node-status';

export interface StartupMeterOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Time since the Unix epoch; 0 if it is unknown. */
  readonly bootedAtMs: number;
  /** Time at which the kubelet began. */
  readonly startedAtMs: number;
}

/**
 * Measures how long a new node takes from the boot of its machine until it is ready. A node that is
 * already registered is not measured.
 *
 * @returns a function to call on each step of the start
 * @see Kubernetes 1.36 pkg/kubelet/util/node_startup_latency_tracker.go
 */
export function createStartupMeter({
  metrics,
  clock,
  bootedAtMs,
  startedAtMs,
}: StartupMeterOptions): (stage: NodeStage) => void {
  const gauge = (name: string, help: string): Gauge =>
    metrics.gauge({ name: `kubelet_node_startup_${name}`, help });
  const preKubelet = gauge(
    'pre_kubelet_duration_seconds',
    'Time from the boot of the machine until the kubelet began.',
  );
  const preRegistration = gauge(
    'pre_registration_duration_seconds',
    'Time from the start of the kubelet until it first tried to register its node.',
  );
  const registration = gauge(
    'registration_duration_seconds',
    'Time from the first attempt to register the node until it was registered.',
  );
  const postRegistration = gauge(
    'post_registration_duration_seconds',
    'Time from the registration of the node until it was ready.',
  );
  const whole = gauge(
    'duration_seconds',
    'Time from the boot of the machine until the node was ready.',
  );
  let triedMs: number | undefined;
  let createdMs: number | undefined;
  return (stage) => {
    const nowMs = clock.nowMs();
    if (stage === 'registering') {
      triedMs ??= nowMs;
    } else if (stage === 'created' && triedMs !== undefined) {
      createdMs = nowMs;
      if (bootedAtMs > 0) preKubelet.set((startedAtMs - bootedAtMs) / 1000);
      preRegistration.set((triedMs - startedAtMs) / 1000);
      registration.set((nowMs - triedMs) / 1000);
    } else if (stage === 'ready' && createdMs !== undefined) {
      postRegistration.set((nowMs - createdMs) / 1000);
      if (bootedAtMs > 0) whole.set((nowMs - bootedAtMs) / 1000);
    }
  };
}
