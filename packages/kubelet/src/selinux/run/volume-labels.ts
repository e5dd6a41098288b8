import type { Metrics } from '@nodeagent/base';

import { podUid } from '../../pod/index.js';
import { VolumeError } from '../../volumes/index.js';
import type { ContainerLabels } from '../model/container-labels.js';
import type { LabelledVolume } from '../model/labelled-volume.js';
import { accessModeLabel, isLabelled, planLabel } from '../plan/volume-label.js';
import { LabelMetrics, type LabelProblem } from './label-metrics.js';

export interface VolumeLabelsOptions {
  /** Undefined on a machine without SELinux, where no volume has a label. */
  readonly policy: ContainerLabels | undefined;
  /** Feature gate SELinuxMount: volumes of every access mode, not only those for one pod. */
  readonly everyMode: boolean;
  readonly metrics: Metrics;
}

interface Labelled {
  readonly label: string;
  /** Uids. */
  readonly pods: Set<string>;
}

/**
 * Decides with which SELinux label a volume is mounted. One label in the mount's options replaces a
 * label in each file, which the runtime would have to write before each start.
 *
 * @see Kubernetes 1.36 pkg/kubelet/volumemanager/cache/desired_state_of_world.go
 */
export class VolumeLabels {
  readonly #options: VolumeLabelsOptions;
  readonly #metrics: LabelMetrics;
  /** By the unique name of the volume. */
  readonly #volumes = new Map<string, Labelled>();
  /** Volumes of pods whose problems were ignored, which are counted once. */
  readonly #warned = new Set<string>();

  constructor(options: VolumeLabelsOptions) {
    this.#options = options;
    this.#metrics = new LabelMetrics(options.metrics);
  }

  /** False on a machine without SELinux. */
  get isOn(): boolean {
    return this.#options.policy !== undefined;
  }

  /**
   * @returns the label for the mount's options; empty for none
   * @throws {VolumeError} `VOLUME_SOURCE` for a volume that cannot have one label
   */
  admit(volume: LabelledVolume): string {
    const { policy, everyMode } = this.#options;
    if (policy === undefined) return '';
    const { uniqueName, specName, mountsWithLabel, plugin, accessModes } = volume;
    const uid = podUid(volume.pod);
    const plan = planLabel(volume, policy);
    if (plan.kind !== 'label') this.#tell(volume, plan.kind, plan.why);
    const label = plan.kind === 'label' ? plan.label : '';
    const known = this.#volumes.get(uniqueName);
    if (known === undefined) {
      this.#volumes.set(uniqueName, { label, pods: new Set([uid]) });
      if (label !== '') {
        this.#metrics.admitted({ plugin, accessMode: accessModeLabel(accessModes) });
      }
    } else if (!known.pods.has(uid)) {
      if (mountsWithLabel && plan.kind !== 'ambiguous' && label !== known.label) {
        const labels = `${JSON.stringify(known.label)} and ${JSON.stringify(label)}`;
        const why = `conflicting SELinux labels of volume ${specName}: ${labels}`;
        this.#tell(volume, 'conflicting', why);
      }
      known.pods.add(uid);
    }
    return isLabelled(volume, everyMode) ? (known?.label ?? label) : '';
  }

  /** The pod has no volumes any more. */
  forget(uid: string): void {
    for (const [name, { pods }] of this.#volumes) {
      pods.delete(uid);
      if (pods.size === 0) this.#volumes.delete(name);
    }
    for (const key of this.#warned) if (key.startsWith(`${uid} `)) this.#warned.delete(key);
  }

  /** @throws {VolumeError} if it keeps the pod from its volume */
  #tell(volume: LabelledVolume, problem: LabelProblem, why: string): void {
    const { plugin, accessModes, uniqueName, isMounted } = volume;
    const labels = { plugin, accessMode: accessModeLabel(accessModes) };
    if (isLabelled(volume, this.#options.everyMode)) {
      if (isMounted) return;
      this.#metrics.error(problem, labels);
      throw new VolumeError('VOLUME_SOURCE', why);
    }
    const key = `${podUid(volume.pod)} ${problem} ${uniqueName}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#metrics.warning(problem, labels);
  }
}
