import type { Metrics } from '@nodeagent/base';

/** Counts rare events while containers start and stop. */
export interface RuntimeMeter {
  /** An HTTPS hook was answered in plain HTTP. */
  fellBack(): void;
  /** A container ended before its `sleep` hook. */
  sleepEnded(): void;
  /** @param isMounted false if the image cannot be used */
  imageVolume(isMounted: boolean): void;
}

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go */
export function createRuntimeMeter(metrics: Metrics): RuntimeMeter {
  const fallbacks = metrics.counter({
    name: 'kubelet_lifecycle_handler_http_fallbacks_total',
    help: 'HTTPS hooks that were repeated in plain HTTP.',
  });
  const sleeps = metrics.counter({
    name: 'kubelet_sleep_action_terminated_early_total',
    help: 'Sleep hooks that ended with their container.',
  });
  const requested = metrics.counter({
    name: 'kubelet_image_volume_requested_total',
    help: 'Image volumes that containers asked for.',
  });
  const mounted = metrics.counter({
    name: 'kubelet_image_volume_mounted_succeed_total',
    help: 'Image volumes whose image can be mounted.',
  });
  const errors = metrics.counter({
    name: 'kubelet_image_volume_mounted_errors_total',
    help: 'Image volumes whose image cannot be used.',
  });
  return {
    fellBack: () => fallbacks.increment(),
    sleepEnded: () => sleeps.increment(),
    imageVolume: (isMounted) => {
      requested.increment();
      (isMounted ? mounted : errors).increment();
    },
  };
}
