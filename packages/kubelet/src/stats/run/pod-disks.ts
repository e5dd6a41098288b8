import {
  type CallMeter,
  type Clock,
  createCallMeter,
  DEFAULT_BUCKETS,
  type Gauge,
  type Logger,
  type Metrics,
  type Random,
} from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';
import type { MeasuredVolume, PodDisk } from '../model/measurement.js';
import type { DirectoryFigures } from '../model/usage.js';
import { type DiskPlaces, podDirectories } from '../plan/pod-disk.js';
import type {
  ClaimedFigures,
  CountedDirectories,
  DirectoryReadings,
  MachineReadings,
} from '../ports.js';
import { ClaimGauges } from './claim-gauges.js';

export interface PodDisksOptions {
  readonly directories: DirectoryReadings;
  /** Absent: every volume is walked. */
  readonly counted?: CountedDirectories | undefined;
  readonly claimed: ClaimedFigures;
  readonly machine: Pick<MachineReadings, 'fileSystem'>;
  readonly places: DiskPlaces;
  /** Minimum time between two rounds, the maximum being twice as long; negative: no measurement. */
  readonly periodMs: number;
  readonly metrics?: Metrics | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Known {
  readonly pod: Pod;
  /** Undefined if the measurement failed. */
  readonly disk: PodDisk | undefined;
  readonly dueMs: number;
}

/** The maximum wait of a new pod. */
const LOOK_MS = 10_000;
const LEAST_PERIOD_MS = 1000;

/** Measures the disk usage of pods periodically, in the background. */
export class PodDisks {
  readonly #options: PodDisksOptions;
  readonly #known = new Map<string, Known>();
  readonly #logBytes: Gauge | undefined;
  readonly #claims: ClaimGauges | undefined;
  readonly #collect: CallMeter;

  constructor(options: PodDisksOptions) {
    this.#options = options;
    this.#claims = options.metrics && new ClaimGauges(options.metrics);
    this.#collect = createCallMeter(options.clock, {
      ...(options.metrics && {
        seconds: options.metrics.histogram({
          name: 'kubelet_volume_metric_collection_duration_seconds',
          help: 'Duration of measuring the use of one volume, by method.',
          labelNames: ['metric_source'],
          buckets: DEFAULT_BUCKETS,
        }),
      }),
    });
    this.#logBytes = options.metrics?.gauge({
      name: 'kubelet_container_log_filesystem_used_bytes',
      help: "Disk usage of a container's logs in bytes.",
      labelNames: ['uid', 'namespace', 'pod', 'container'],
    });
  }

  /** The last measurement. */
  diskOf(podUid: string): PodDisk | undefined {
    return this.#known.get(podUid)?.disk;
  }

  /** Measures pods in turn until the signal fires. */
  async run(pods: () => readonly Pod[], signal: AbortSignal): Promise<void> {
    const { periodMs, clock } = this.#options;
    if (periodMs < 0) return;
    const restMs = Math.max(LEAST_PERIOD_MS, Math.min(LOOK_MS, periodMs));
    while (!signal.aborted) {
      await this.#round(pods(), signal);
      if ((await clock.sleep(restMs, signal)) === 'aborted') return;
    }
  }

  async #round(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const { periodMs, clock, random } = this.#options;
    const uids = new Set<string>(pods.map(podUid));
    for (const [uid, known] of this.#known) if (!uids.has(uid)) this.#forget(uid, known);
    for (const pod of pods) {
      if (signal.aborted) return;
      const known = this.#known.get(podUid(pod));
      if (known !== undefined && clock.monotonicMs() < known.dueMs) continue;
      const disk = await this.#tried(pod, signal);
      const dueMs = clock.monotonicMs() + periodMs * (1 + random());
      this.#known.set(podUid(pod), { pod, disk: disk ?? known?.disk, dueMs });
      for (const [container, { usedBytes }] of disk?.logs ?? []) {
        this.#logBytes?.set(usedBytes, logLabels(pod, container));
      }
    }
    this.#claims?.show([...this.#known.values()].flatMap(({ disk }) => disk?.claimed ?? []));
  }

  async #tried(pod: Pod, signal: AbortSignal): Promise<PodDisk | undefined> {
    try {
      return await this.#measure(pod, signal);
    } catch (err) {
      if (signal.aborted) return undefined;
      const { name, namespace, uid } = pod.metadata ?? {};
      const { log } = this.#options;
      log.warn({ pod: { namespace, name, uid }, err }, 'cannot measure the disk usage of a pod');
      return undefined;
    }
  }

  async #measure(pod: Pod, signal: AbortSignal): Promise<PodDisk> {
    const { directories, machine, places, clock, claimed } = this.#options;
    const { volumes, logs, own } = podDirectories(pod, places);
    const measured: MeasuredVolume[] = [];
    for (const { name, path, isEphemeral } of volumes) {
      const used = await this.#used(path, signal);
      const fileSystem = await this.#collect({ metric_source: 'statfs' }, () =>
        machine.fileSystem(path),
      );
      if (used && fileSystem) measured.push({ name, used, fileSystem, isEphemeral });
    }
    const found = new Map<string, DirectoryFigures>();
    for (const { container, path } of logs) {
      const used = await directories.measure(path, signal);
      if (used !== undefined) found.set(container, used);
    }
    return {
      atMs: clock.nowMs(),
      volumes: measured,
      claimed: await claimed.figures(pod, signal),
      logs: found,
      own: await directories.measure(own, signal),
    };
  }

  async #used(path: string, signal: AbortSignal): Promise<DirectoryFigures | undefined> {
    const { counted, directories } = this.#options;
    if (counted?.isCounted(path) === true) {
      const used = await this.#collect({ metric_source: 'fsquota' }, () => counted.figures(path));
      if (used !== undefined) return used;
    }
    return this.#collect({ metric_source: 'du' }, () => directories.measure(path, signal));
  }

  #forget(uid: string, { pod, disk }: Known): void {
    this.#known.delete(uid);
    for (const container of disk?.logs.keys() ?? []) {
      this.#logBytes?.remove(logLabels(pod, container));
    }
  }
}

function logLabels(pod: Pod, container: string): Record<string, string> {
  const [namespace, name] = [podNamespace(pod), podName(pod)];
  return { uid: podUid(pod), namespace, pod: name, container };
}
