import type { Clock, Counter, Gauge, Histogram, Metrics } from '@nodeagent/base';
import { type CsiServices, grpcName } from '@nodeagent/csi';

import type { MeteredOperation } from '../../disks/index.js';
import type { DriverLookup, PluginMeter, PluginState } from './csi-drivers.js';

/** @see Kubernetes 1.36 pkg/volume/util/metrics.go */
const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

type Node = CsiServices['node'];

/** Full names of the calls in gRPC. */
const METHODS: Readonly<Record<keyof Node, string>> = {
  stageVolume: '/csi.v1.Node/NodeStageVolume',
  unstageVolume: '/csi.v1.Node/NodeUnstageVolume',
  publishVolume: '/csi.v1.Node/NodePublishVolume',
  unpublishVolume: '/csi.v1.Node/NodeUnpublishVolume',
  getVolumeStats: '/csi.v1.Node/NodeGetVolumeStats',
  expandVolume: '/csi.v1.Node/NodeExpandVolume',
  getCapabilities: '/csi.v1.Node/NodeGetCapabilities',
  getInfo: '/csi.v1.Node/NodeGetInfo',
};

/** Meters operations on volumes and calls of drivers. */
export class StorageMeter implements PluginMeter {
  readonly #clock: Clock;
  readonly #operations: Histogram;
  readonly #mounts: Histogram;
  readonly #calls: Histogram;
  readonly #volumes: Gauge;
  readonly #plugins: Gauge;
  readonly #found: Counter;
  readonly #unknown: Counter;
  readonly #cleaned: Counter;
  readonly #uncleaned: Counter;
  /** Paths that are shown, by state. */
  readonly #shown = new Map<PluginState, ReadonlySet<string>>();
  readonly #metered = new WeakMap<Node, Node>();

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.#operations = metrics.histogram({
      name: 'storage_operation_duration_seconds',
      help: 'Storage operation duration',
      labelNames: ['volume_plugin', 'operation_name', 'status', 'migrated'],
      buckets: BUCKETS,
    });
    this.#mounts = metrics.histogram({
      name: 'volume_operation_total_seconds',
      help: 'Storage operation end to end duration in seconds',
      labelNames: ['plugin_name', 'operation_name'],
      buckets: BUCKETS,
    });
    this.#calls = metrics.histogram({
      name: 'csi_operations_seconds',
      help: 'Container Storage Interface operation duration with gRPC error code status total',
      labelNames: ['driver_name', 'method_name', 'grpc_status_code', 'migrated'],
      buckets: BUCKETS,
    });
    this.#volumes = metrics.gauge({
      name: 'volume_manager_total_volumes',
      help: 'Number of volumes in Volume Manager',
      labelNames: ['plugin_name', 'state'],
    });
    this.#plugins = metrics.gauge({
      name: 'plugin_manager_total_plugins',
      help: 'Number of plugins in Plugin Manager',
      labelNames: ['socket_path', 'state'],
    });
    this.#found = metrics.counter({
      name: 'reconstruct_volume_operations_total',
      help: 'CSI volumes of pods that were found on disk when the kubelet started.',
    });
    this.#unknown = metrics.counter({
      name: 'reconstruct_volume_operations_errors_total',
      help: 'CSI volumes of pods whose record on disk was missing or unreadable when the kubelet started.',
    });
    this.#cleaned = metrics.counter({
      name: 'force_cleaned_failed_volume_operations_total',
      help: 'Volumes without a record on disk that the kubelet took down.',
    });
    this.#uncleaned = metrics.counter({
      name: 'force_cleaned_failed_volume_operation_errors_total',
      help: 'Volumes without a record on disk that the kubelet could not take down at first.',
    });
  }

  async operation<T>(
    { plugin, name, migrated = false }: MeteredOperation,
    work: () => Promise<T>,
  ): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    const labels = { volume_plugin: plugin, operation_name: name, migrated: String(migrated) };
    const seconds = (): number => (this.#clock.monotonicMs() - startMs) / 1000;
    try {
      const result = await work();
      this.#operations.observe(seconds(), { ...labels, status: 'success' });
      if (name === 'volume_mount') {
        const total = { plugin_name: plugin, operation_name: 'overall_volume_mount' };
        this.#mounts.observe(seconds(), total);
      }
      return result;
    } catch (error) {
      this.#operations.observe(seconds(), { ...labels, status: 'fail-unknown' });
      throw error;
    }
  }

  /** The same drivers, with each call metered. */
  drivers(drivers: DriverLookup): DriverLookup {
    return {
      node: (name) => {
        const node = drivers.node(name);
        const known = this.#metered.get(node) ?? this.#meter(name, node);
        this.#metered.set(node, known);
        return known;
      },
    };
  }

  /** @param isKnown the volume's record says which it is, and of which driver */
  foundOnDisk(isKnown: boolean): void {
    this.#found.increment();
    if (!isKnown) this.#unknown.increment();
  }

  /** @param work takes down a volume that had no record when the kubelet started */
  async forcedCleaning<T>(work: () => Promise<T>): Promise<T> {
    this.#cleaned.increment();
    try {
      return await work();
    } catch (error) {
      this.#uncleaned.increment();
      throw error;
    }
  }

  showPlugins(state: PluginState, paths: readonly string[]): void {
    const now = new Set(paths);
    for (const path of this.#shown.get(state) ?? []) {
      if (!now.has(path)) this.#plugins.remove({ socket_path: path, state });
    }
    for (const path of now) this.#plugins.set(1, { socket_path: path, state });
    this.#shown.set(state, now);
  }

  /** @param count 0 for a state without volumes of the plug-in */
  show(plugin: string, state: PluginState, count: number): void {
    const labels = { plugin_name: plugin, state };
    if (count === 0) this.#volumes.remove(labels);
    else this.#volumes.set(count, labels);
  }

  #meter(driver: string, node: Node): Node {
    const metered =
      <Request, Reply>(
        method: keyof Node,
        call: (request: Request, signal: AbortSignal) => Promise<Reply>,
      ) =>
      async (request: Request, signal: AbortSignal): Promise<Reply> => {
        const startMs = this.#clock.monotonicMs();
        const note = (error?: unknown): void => {
          const labels = {
            driver_name: driver,
            method_name: METHODS[method],
            grpc_status_code: grpcName(error),
            migrated: 'false',
          };
          this.#calls.observe((this.#clock.monotonicMs() - startMs) / 1000, labels);
        };
        try {
          const reply = await call(request, signal);
          note();
          return reply;
        } catch (error) {
          note(error);
          throw error;
        }
      };
    return {
      stageVolume: metered('stageVolume', node.stageVolume.bind(node)),
      unstageVolume: metered('unstageVolume', node.unstageVolume.bind(node)),
      publishVolume: metered('publishVolume', node.publishVolume.bind(node)),
      unpublishVolume: metered('unpublishVolume', node.unpublishVolume.bind(node)),
      getVolumeStats: metered('getVolumeStats', node.getVolumeStats.bind(node)),
      expandVolume: metered('expandVolume', node.expandVolume.bind(node)),
      getCapabilities: metered('getCapabilities', node.getCapabilities.bind(node)),
      getInfo: metered('getInfo', node.getInfo.bind(node)),
    };
  }
}

/** The name of a driver's plug-in in metrics. */
export function csiPlugin(driver: string): string {
  return `kubernetes.io/csi:${driver}`;
}
