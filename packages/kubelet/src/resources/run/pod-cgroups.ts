import type { Clock, Logger } from '@nodeagent/base';
import {
  type CgroupLimits,
  cgroupPath,
  type CgroupTree,
  type CgroupValues,
  isCgroupError,
} from '@nodeagent/cgroups';
import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid, type QosClass, qosClass } from '../../pod/index.js';
import { cgroupFit } from '../plan/cgroup-fit.js';
import {
  type CgroupLayout,
  kubepodsNames,
  podNames,
  podUidOf,
  qosNames,
} from '../plan/cgroup-names.js';
import { type PodCgroupRules, podCgroupValues } from '../plan/pod-cgroup-values.js';

export interface PodCgroupsOptions {
  readonly tree: CgroupTree;
  readonly layout: CgroupLayout;
  readonly rules: PodCgroupRules;
  readonly log: Logger;
}

/** In Kubernetes' words. @see Kubernetes 1.36 pkg/kubelet/cm/container_manager_linux.go, validateSystemRequirements */
function reasonOf(error: unknown): string {
  if (isCgroupError(error, 'CGROUP_NOT_MOUNTED')) {
    const missing = error.controllers.join(' ');
    return `system validation failed - Following Cgroup subsystem not mounted: [${missing}]`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Processes are still in it. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

const CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

const RETRY_MS = 10_000;

/** The cgroup above each pod's containers. Without {@link PodCgroups.start}, pods have none. */
export class PodCgroups {
  readonly #options: PodCgroupsOptions;
  #usable = false;
  #problem: string | undefined;
  /** By pod uid: what its cgroup was last made to hold it to, so that starts need not ask. */
  readonly #fitted = new Map<string, string>();

  constructor(options: PodCgroupsOptions) {
    this.#options = options;
  }

  /** Makes `kubepods` and its classes. Where that fails, {@link problem} says why, and the log too. */
  async start(): Promise<void> {
    const { tree, layout, log } = this.#options;
    try {
      await tree.ensure(kubepodsNames(layout), {});
      await tree.ensure(qosNames(layout, 'Burstable'), {});
      await tree.ensure(qosNames(layout, 'BestEffort'), { cpuShares: 2 });
      this.#usable = true;
      this.#problem = undefined;
    } catch (err) {
      const problem = `failed to initialize top level QOS containers: ${reasonOf(err)}`;
      if (problem !== this.#problem) log.error({ err }, 'cgroups cannot be made: no pod can start');
      this.#problem = problem;
    }
  }

  /** Why pods cannot have cgroups, though they are to; no pod starts while there is a reason. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Tries again what {@link start} could not do, until it works or the signal fires. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (this.#problem !== undefined && !signal.aborted) {
      await clock.sleep(RETRY_MS, signal);
      if (!signal.aborted) await this.start();
    }
  }

  /**
   * @returns what the runtime is to put the pod below; undefined for its default
   * @throws {Error} with the {@link problem} that pods cannot have cgroups
   */
  async ensure(pod: Pod): Promise<string | undefined> {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    const parent = this.parentOf(pod);
    if (parent === undefined) return undefined;
    const { tree, rules } = this.#options;
    await tree.ensure(this.#names(pod), podCgroupValues(pod, rules));
    this.#fitted.set(podUid(pod), JSON.stringify(this.wanted(pod)));
    return parent;
  }

  /**
   * Makes room for a container that is about to start, where the pod was given other resources since
   * its cgroup was made. Costs nothing where it was not.
   *
   * @param mayShrink nothing of the pod that runs has more than it is to have
   */
  async fit(pod: Pod, mayShrink: boolean): Promise<void> {
    const [uid, wanted] = [podUid(pod), this.wanted(pod)];
    const key = JSON.stringify(wanted);
    if (!this.#usable || this.#fitted.get(uid) === key) return;
    const has = await this.limits(pod);
    if (has === undefined) return;
    const memoryUsage = (await this.memoryUsage(pod)) ?? 0;
    const change = cgroupFit(has, wanted, { mayShrink, memoryUsage });
    if (Object.keys(change).length > 0) await this.setLimits(pod, change);
    if (mayShrink) this.#fitted.set(uid, key);
  }

  /**
   * What all pods together may have; of no effect where pods have no cgroups of their own.
   *
   * @throws {Error} with the {@link problem} that pods cannot have cgroups
   */
  async limitAll(values: CgroupValues): Promise<void> {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    const { tree, layout } = this.#options;
    if (this.#usable) await tree.ensure(kubepodsNames(layout), values);
  }

  /** What the pod's cgroup has; undefined where pods have none of their own. */
  async limits(pod: Pod): Promise<CgroupLimits | undefined> {
    return this.#usable ? this.#options.tree.limits(this.#names(pod)) : undefined;
  }

  /** What it is to have by the pod's spec; nothing is said of what the spec does not limit. */
  wanted(pod: Pod): CgroupLimits {
    const { cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes } = podCgroupValues(
      pod,
      this.#options.rules,
    );
    return {
      ...(cpuShares !== undefined && { cpuShares }),
      ...(cpuPeriodUs !== undefined && { cpuPeriodUs }),
      ...(cpuQuotaUs !== undefined && { cpuQuotaUs }),
      ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
    };
  }

  async setLimits(pod: Pod, limits: CgroupLimits): Promise<void> {
    if (!this.#usable) return;
    this.#fitted.delete(podUid(pod));
    await this.#options.tree.ensure(this.#names(pod), limits);
  }

  /** In bytes; undefined where it has no cgroup. */
  async memoryUsage(pod: Pod): Promise<number | undefined> {
    return this.#usable ? this.#options.tree.memoryUsage(this.#names(pod)) : undefined;
  }

  #names(pod: Pod): readonly string[] {
    return podNames(this.#options.layout, qosClass(pod), podUid(pod));
  }

  /** The pod's cgroup in the driver's syntax. */
  parentOf(pod: Pod): string | undefined {
    if (!this.#usable) return undefined;
    const { layout } = this.#options;
    return cgroupPath(this.#names(pod), layout.driver);
  }

  /** `kubepods` and below it the classes' own, in the driver's syntax; none where pods have none. */
  get above(): readonly string[] {
    if (!this.#usable) return [];
    const { layout } = this.#options;
    const all = [
      kubepodsNames(layout),
      qosNames(layout, 'Burstable'),
      qosNames(layout, 'BestEffort'),
    ];
    return all.map((names) => cgroupPath(names, layout.driver));
  }

  /** Uids of the pods that have a cgroup. */
  async pods(): Promise<readonly PodUid[]> {
    if (!this.#usable) return [];
    const { tree, layout } = this.#options;
    const found = await Promise.all(CLASSES.map((qos) => tree.children(qosNames(layout, qos))));
    return found.flat().flatMap((name) => podUidOf(name, layout.driver) ?? []);
  }

  /** Of a pod whose containers have ended; what else runs in it is killed. */
  async remove(uid: PodUid): Promise<void> {
    if (!this.#usable) return;
    this.#fitted.delete(uid);
    const { tree, layout, log } = this.#options;
    for (const qos of CLASSES) {
      const names = podNames(layout, qos, uid);
      try {
        await tree.remove(names);
      } catch (err) {
        if (!isBusy(err)) throw err;
        // At once after a container's end this is often the kernel, which still takes it apart.
        log.info({ podUid: uid, err }, 'processes outlived their pod, they are killed');
        await tree.kill(names);
        await tree.remove(names);
      }
    }
  }
}
