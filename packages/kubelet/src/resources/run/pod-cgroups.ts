import type { Logger } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podUid, qosClass, type QosClass } from '../../pods/index.js';
import {
  type CgroupLayout,
  cgroupPath,
  kubepodsNames,
  podNames,
  podUidOf,
  qosNames,
} from '../plan/cgroup-names.js';
import { podCgroupValues, type PodCgroupRules } from '../plan/cgroup-values.js';
import type { CgroupTree } from '../ports.js';

export interface PodCgroupsOptions {
  readonly tree: CgroupTree;
  readonly layout: CgroupLayout;
  readonly rules: PodCgroupRules;
  readonly log: Logger;
}

/** Processes are still in it. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

const CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

/** The cgroup above each pod's containers. */
export class PodCgroups {
  readonly #options: PodCgroupsOptions;
  #usable = false;

  constructor(options: PodCgroupsOptions) {
    this.#options = options;
  }

  /**
   * Makes `kubepods` and its classes. Where this machine does not let us, pods run in the runtime's
   * default cgroup instead, and the log says so.
   */
  async start(): Promise<void> {
    const { tree, layout, log } = this.#options;
    try {
      await tree.ensure(kubepodsNames(layout), {});
      await tree.ensure(qosNames(layout, 'Burstable'), {});
      await tree.ensure(qosNames(layout, 'BestEffort'), { cpuShares: 2 });
      this.#usable = true;
    } catch (err) {
      log.warn({ err }, 'cgroups cannot be made here: pods run without cgroups of their own');
    }
  }

  /** @returns what the runtime is to put the pod below; undefined for its default */
  async ensure(pod: Pod): Promise<string | undefined> {
    const parent = this.parentOf(pod);
    if (parent === undefined) return undefined;
    const { tree, layout, rules } = this.#options;
    const names = podNames(layout, qosClass(pod), podUid(pod));
    await tree.ensure(names, podCgroupValues(pod, rules));
    return parent;
  }

  /** The pod's cgroup in the driver's syntax. */
  parentOf(pod: Pod): string | undefined {
    if (!this.#usable) return undefined;
    const { layout } = this.#options;
    return cgroupPath(podNames(layout, qosClass(pod), podUid(pod)), layout.driver);
  }

  /** Uids of the pods that have a cgroup. */
  async pods(): Promise<readonly string[]> {
    if (!this.#usable) return [];
    const { tree, layout } = this.#options;
    const found = await Promise.all(CLASSES.map((qos) => tree.children(qosNames(layout, qos))));
    return found.flat().flatMap((name) => podUidOf(name, layout.driver) ?? []);
  }

  /** Of a pod whose containers have ended; what else runs in it is killed. */
  async remove(uid: string): Promise<void> {
    if (!this.#usable) return;
    const { tree, layout, log } = this.#options;
    for (const qos of CLASSES) {
      const names = podNames(layout, qos, uid);
      try {
        await tree.remove(names);
      } catch (err) {
        if (!isBusy(err)) throw err;
        log.warn({ pod: { uid }, err }, 'processes outlived their pod, they are killed');
        await tree.kill(names);
        await tree.remove(names);
      }
    }
  }
}
