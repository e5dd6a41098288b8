import type { Clock, Counter, Histogram, Metrics } from '@nodeagent/base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';

/** What an operation is called in metrics. @see Kubernetes 1.36 pkg/kubelet/kuberuntime/instrumented_services.go */
const RUNTIME_OPERATIONS: Operations<RuntimeService> = {
  version: 'version',
  status: 'status',
  stopPodSandbox: 'stop_podsandbox',
  removePodSandbox: 'remove_podsandbox',
  podSandboxStatus: 'podsandbox_status',
  listPodSandbox: 'list_podsandbox',
  updatePodSandboxResources: 'update_podsandbox_resources',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  listContainers: 'list_containers',
  containerStatus: 'container_status',
  updateContainerResources: 'update_container',
  reopenContainerLog: 'reopen_container_log',
  checkpointContainer: 'checkpoint_container',
  execSync: 'exec_sync',
  exec: 'exec',
  attach: 'attach',
  portForward: 'port_forward',
  containerStats: 'container_stats',
  listContainerStats: 'list_container_stats',
  podSandboxStats: 'podsandbox_stats',
  listPodSandboxStats: 'list_podsandbox_stats',
};

const IMAGE_OPERATIONS: Operations<ImageService> = {
  listImages: 'list_images',
  imageStatus: 'image_status',
  pullImage: 'pull_image',
  removeImage: 'remove_image',
  imageFsInfo: 'image_fs_info',
};

/** Methods that answer once; the others are streams. */
export const CRI_CALLS: Readonly<Record<'runtime' | 'images', ReadonlySet<string>>> = {
  runtime: new Set([...Object.keys(RUNTIME_OPERATIONS), 'runPodSandbox']),
  images: new Set(Object.keys(IMAGE_OPERATIONS)),
};

/** Upper bounds in seconds: from 5 ms on, each 2.5 times the one before. */
const BUCKETS = Array.from({ length: 14 }, (_, i) => 0.005 * 2.5 ** i);

/**
 * The same services, counted: `kubelet_runtime_operations_total`, `…_duration_seconds` and
 * `…_errors_total` by operation, and the making of sandboxes by runtime handler.
 */
export function meterCri<T extends Readonly<{ runtime: RuntimeService; images: ImageService }>>(
  cri: T,
  { metrics, clock }: Readonly<{ metrics: Metrics; clock: Clock }>,
): T {
  const meter = createMeter(metrics, clock);
  const sandboxes: Pick<RuntimeService, 'runPodSandbox'> = {
    runPodSandbox: (request, signal) =>
      meter.sandbox(request.runtimeHandler ?? '', () =>
        meter.operation('run_podsandbox', () => cri.runtime.runPodSandbox(request, signal)),
      ),
  };
  return {
    ...cri,
    runtime: metered(
      cri.runtime,
      { operations: RUNTIME_OPERATIONS, own: sandboxes },
      meter.operation,
    ),
    images: metered(cri.images, { operations: IMAGE_OPERATIONS }, meter.operation),
  };
}

type Operations<T> = Readonly<Partial<Record<keyof T, string>>>;

type Measure = <R>(label: string, call: () => Promise<R>) => Promise<R>;

function createMeter(
  metrics: Metrics,
  clock: Clock,
): Readonly<{ operation: Measure; sandbox: Measure }> {
  const operation = ['operation_type'];
  const handler = ['runtime_handler'];
  const total = metrics.counter({
    name: 'kubelet_runtime_operations_total',
    help: 'Calls to the container runtime, by operation.',
    labelNames: operation,
  });
  const errors = metrics.counter({
    name: 'kubelet_runtime_operations_errors_total',
    help: 'Calls to the container runtime that failed, by operation.',
    labelNames: operation,
  });
  const durations = metrics.histogram({
    name: 'kubelet_runtime_operations_duration_seconds',
    help: 'How long calls to the container runtime took, by operation.',
    labelNames: operation,
    buckets: BUCKETS,
  });
  const sandboxDurations = metrics.histogram({
    name: 'kubelet_run_podsandbox_duration_seconds',
    help: 'How long it took to make a sandbox, by runtime handler.',
    labelNames: handler,
    buckets: BUCKETS,
  });
  const sandboxErrors = metrics.counter({
    name: 'kubelet_run_podsandbox_errors_total',
    help: 'Sandboxes that could not be made, by runtime handler.',
    labelNames: handler,
  });
  return {
    operation: (type, call) => {
      total.increment({ operation_type: type });
      return timed(call, { clock, durations, errors, labels: { operation_type: type } });
    },
    sandbox: (name, call) => {
      const labels = { runtime_handler: name };
      return timed(call, { clock, durations: sandboxDurations, errors: sandboxErrors, labels });
    },
  };
}

async function timed<R>(
  call: () => Promise<R>,
  to: Readonly<{
    clock: Clock;
    durations: Histogram;
    errors: Counter;
    labels: Readonly<Record<string, string>>;
  }>,
): Promise<R> {
  const startedMs = to.clock.monotonicMs();
  try {
    return await call();
  } catch (error) {
    to.errors.increment(to.labels);
    throw error;
  } finally {
    to.durations.observe((to.clock.monotonicMs() - startedMs) / 1000, to.labels);
  }
}

/** Streams and what has no name among the operations pass as they are. */
function metered<T extends object>(
  service: T,
  { operations, own = {} }: Readonly<{ operations: Operations<T>; own?: Partial<T> }>,
  measure: Measure,
): T {
  const wrapped: Partial<Record<keyof T, unknown>> = { ...own };
  for (const name of Object.keys(operations) as (keyof T)[]) {
    const method = service[name] as (...args: unknown[]) => Promise<unknown>;
    const type = operations[name] ?? '';
    wrapped[name] = (...args: unknown[]) => measure(type, () => method.apply(service, args));
  }
  return new Proxy(service, {
    get: (target, name) => {
      const counted: unknown = Reflect.get(wrapped, name);
      if (counted !== undefined) return counted;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
