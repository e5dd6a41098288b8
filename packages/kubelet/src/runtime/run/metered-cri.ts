import {
  type CallMeter,
  type Clock,
  createCallMeter,
  DEFAULT_BUCKETS,
  exponentialBuckets,
  type Metrics,
} from '@nodeagent/base';
import {
  aroundImages,
  aroundRuntime,
  type ImageService,
  type RuntimeService,
} from '@nodeagent/cri-client';

import { IMAGE_OPERATIONS, RUNTIME_OPERATIONS } from '../plan/cri-operations.js';

const BUCKETS_S = exponentialBuckets(0.005, 2.5, 14);

/** Both services of a container runtime. */
export interface CriPair {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
}

/**
 * Meters both services: `kubelet_runtime_operations_total`, `…_duration_seconds` and
 * `…_errors_total` by operation, and the creation of sandboxes by runtime handler.
 */
export function meterCri(
  { runtime, images }: CriPair,
  { metrics, clock }: Readonly<{ metrics: Metrics; clock: Clock }>,
): CriPair {
  const { operation, sandbox } = createMeters(metrics, clock);
  return {
    runtime: aroundRuntime(runtime, (call, make) => {
      const type = RUNTIME_OPERATIONS[call.method];
      if (type === undefined) return make();
      const counted = () => operation({ operation_type: type }, make);
      if (call.method !== 'runPodSandbox') return counted();
      return sandbox({ runtime_handler: call.runtimeHandler }, counted);
    }),
    images: aroundImages(images, ({ method }, make) => {
      const type = IMAGE_OPERATIONS[method];
      return type === undefined ? make() : operation({ operation_type: type }, make);
    }),
  };
}

function createMeters(
  metrics: Metrics,
  clock: Clock,
): Readonly<{ operation: CallMeter; sandbox: CallMeter }> {
  const operation = ['operation_type'];
  const handler = ['runtime_handler'];
  return {
    operation: createCallMeter(clock, {
      total: metrics.counter({
        name: 'kubelet_runtime_operations_total',
        help: 'Calls to the container runtime, by operation.',
        labelNames: operation,
      }),
      errors: metrics.counter({
        name: 'kubelet_runtime_operations_errors_total',
        help: 'Failed calls to the container runtime, by operation.',
        labelNames: operation,
      }),
      seconds: metrics.histogram({
        name: 'kubelet_runtime_operations_duration_seconds',
        help: 'Duration of calls to the container runtime, by operation.',
        labelNames: operation,
        buckets: BUCKETS_S,
      }),
    }),
    sandbox: createCallMeter(clock, {
      errors: metrics.counter({
        name: 'kubelet_run_podsandbox_errors_total',
        help: 'Failed attempts to create a pod sandbox, by runtime handler.',
        labelNames: handler,
      }),
      seconds: metrics.histogram({
        name: 'kubelet_run_podsandbox_duration_seconds',
        help: 'Duration of creating a pod sandbox, by runtime handler.',
        labelNames: handler,
        buckets: DEFAULT_BUCKETS,
      }),
    }),
  };
}
