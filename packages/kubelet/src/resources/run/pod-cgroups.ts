import { type Clock, isAborted, type Logger, runEvery } from '@nodeagent/base';
import {
  type CgroupLimits,
  cgroupPath,
  type CgroupTree,
  type CgroupValues,
  describeDifferences,
  isCgroupError,
  limitDifferences,
} from '@nodeagent/cgroups';
import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid, type QosClass, qosClass } from '../../pod/index.js';
import { cgroupFit } from '../plan/cgroup-fit.js';
import {
  type CgroupLayout,
  kubepodsNames,
  namesOfPath,
  podNames,
  podUidOf,
  qosNames,
} from '../plan/cgroup-names.js';
import { anyHugepages } from '../plan/hugepage-values.js';
import { type ProtectedMemory, protectedMemory } from '../plan/memory-qos.js';
import {
  burstableShares,
  type PodCgroupRules,
  podCgroupValues,
} from '../plan/pod-cgroup-values.js';

export interface PodCgroupsOptions {
  readonly tree: CgroupTree;
  readonly layout: CgroupLayout;
  readonly rules: PodCgroupRules;
  /** The version of the machine's cgroups. */
  readonly version: 1 | 2;
  readonly log: Logger;
  /** Called with the memory that is protected, if the rules say anything about it. */
  readonly onProtected?: ((memory: ProtectedMemory) => void) | undefined;
}

/**
 * The message that upstream reports.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/container_manager_linux.go, validateSystemRequirements
 */
function reasonOf(error: unknown): string {
  if (isCgroupError(error, 'CGROUP_NOT_MOUNTED')) {
    const missing = error.controllers.join(' ');
    return `system validation failed - Following Cgroup subsystem not mounted: [${missing}]`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** The cgroup still contains processes. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

const CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

const RETRY_MS = 10_000;
const WEIGH_MS = 60_000;
const LEAST_SHARES = 2;

/**
 * Manages the cgroups of pods. Pods have no own cgroup before {@link PodCgroups.start} succeeds.
 */
export class PodCgroups {
  readonly #options: PodCgroupsOptions;
  #usable = false;
  #problem: string | undefined;
  /**
   * By pod uid: the limits that the pod's cgroup is known to have, which saves reading them at each
   * start.
   */
  readonly #fitted = new Map<string, string>();

  /** The values that the QoS classes were last given, as text. */
  #weight: string | undefined;
  #active: () => readonly Pod[] = () => [];

  constructor(options: PodCgroupsOptions) {
    this.#options = options;
  }

  /**
   * Creates `kubepods` and the cgroups of the QoS classes. If that fails, logs the error and sets
   * {@link problem}.
   */
  async start(): Promise<void> {
    const { tree, layout, log } = this.#options;
    try {
      await tree.ensure(qosNames(layout, 'BestEffort'), { cpuShares: LEAST_SHARES });
      await this.#giveHugepages();
      this.#usable = true;
      this.#problem = undefined;
    } catch (err) {
      const problem = `failed to initialize top level QOS containers: ${reasonOf(err)}`;
      if (problem !== this.#problem) log.error({ err }, 'cannot create cgroups; no pod can start');
      this.#problem = problem;
    }
  }

  /** The reason that cgroups of pods cannot be created; no pod starts until it is undefined. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Retries a failed {@link start} until it succeeds or the signal fires. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (this.#problem !== undefined && !signal.aborted) {
      await clock.sleep(RETRY_MS, signal);
      if (!isAborted(signal)) await this.start();
    }
  }

  /** @param active the pods that use resources, for the weights of the QoS classes */
  followPods(active: () => readonly Pod[]): void {
    this.#active = active;
  }

  /**
   * Sets the weights of the QoS classes every minute until the signal fires, so that a class
   * recovers whatever other programs or ended pods did to its weight, and to its huge pages.
   */
  async keepWeights(clock: Clock, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const task = async (): Promise<void> => {
      this.#weight = undefined;
      if (!this.#usable) return;
      await this.#giveHugepages();
      await this.#weigh();
    };
    const onError = (err: unknown): void =>
      log.error({ err }, 'cannot set the CPU weights of the QoS classes');
    await runEvery({ clock, periodMs: WEIGH_MS, task, onError }, signal);
  }

  /** Creates the cgroups above those of pods, and lets pods have their huge pages there. */
  async #giveHugepages(): Promise<void> {
    const { tree, layout, rules } = this.#options;
    const values = anyHugepages(rules.hugepageKib ?? []);
    await tree.ensure(kubepodsNames(layout), values);
    await tree.ensure(qosNames(layout, 'Burstable'), values);
    await tree.ensure(qosNames(layout, 'BestEffort'), values);
  }

  /** Writes nothing if the weights stay the same since the last minute's turn. */
  async #weigh(): Promise<void> {
    const { tree, layout, rules, onProtected } = this.#options;
    const active = this.#active();
    const memory = rules.memoryQos && protectedMemory(active, rules.memoryQos);
    const cpuShares = burstableShares(active);
    const weight = JSON.stringify([cpuShares, memory]);
    if (weight === this.#weight) return;
    await tree.ensure(qosNames(layout, 'BestEffort'), { cpuShares: LEAST_SHARES });
    if (memory !== undefined) {
      const memoryMinBytes = memory.guaranteed + memory.burstable;
      await tree.ensure(kubepodsNames(layout), { memoryMinBytes });
      onProtected?.(memory);
    }
    await tree.ensure(qosNames(layout, 'Burstable'), {
      ...{ cpuShares, memoryLowBytes: memory?.burstable },
    });
    this.#weight = weight;
  }

  /**
   * Creates the pod's cgroup.
   *
   * @returns the parent cgroup to pass to the runtime; undefined for the runtime's default
   * @throws {Error} with the {@link problem} that prevents cgroups
   */
  async ensure(pod: Pod): Promise<string | undefined> {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    const parent = this.parentOf(pod);
    if (parent === undefined) return undefined;
    const { tree, rules } = this.#options;
    await this.#weigh();
    await tree.ensure(this.#names(pod), podCgroupValues(pod, rules));
    this.#fitted.set(podUid(pod), JSON.stringify(this.wanted(pod)));
    return parent;
  }

  /**
   * Adjusts the pod's cgroup before a container starts if the pod was resized since the cgroup was
   * created. Makes no system call otherwise.
   *
   * @param mayShrink no running container of the pod exceeds its new limits
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
   * Limits all pods together; does nothing if pods have no cgroups of their own.
   *
   * @throws {Error} with the {@link problem} that prevents cgroups, or if the kernel has other limits
   */
  async limitAll(values: CgroupValues): Promise<void> {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    const { layout } = this.#options;
    if (this.#usable) await this.#limit(kubepodsNames(layout), values);
  }

  /**
   * Limits a cgroup that another program created.
   *
   * @throws {Error} if it does not exist, or if the kernel has other limits
   */
  async limitExisting(path: string, values: CgroupValues): Promise<void> {
    const { tree, layout } = this.#options;
    const names = namesOfPath(path, layout.driver);
    if ((await tree.limits(names)) === undefined) {
      throw new Error('there is no such cgroup with the controllers cpu and memory');
    }
    await this.#limit(names, values);
  }

  async #limit(names: readonly string[], values: CgroupValues): Promise<void> {
    const { tree, version } = this.#options;
    await tree.ensure(names, values);
    const found = await tree.limits(names);
    const differences = found === undefined ? [] : limitDifferences(values, found, version);
    if (differences.length === 0) return;
    throw new Error(`the kernel has other limits: ${describeDifferences(differences)}`);
  }

  /** Current limits of the pod's cgroup; undefined if pods have no cgroups of their own. */
  async limits(pod: Pod): Promise<CgroupLimits | undefined> {
    return this.#usable ? this.#options.tree.limits(this.#names(pod)) : undefined;
  }

  /** Limits that follow from the pod's spec; leaves out resources that the spec does not limit. */
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

  /** Bytes in use; undefined if the pod has no cgroup. */
  async memoryUsage(pod: Pod): Promise<number | undefined> {
    return this.#usable ? this.#options.tree.memoryUsage(this.#names(pod)) : undefined;
  }

  #names(pod: Pod): readonly string[] {
    return podNames(this.#options.layout, qosClass(pod), podUid(pod));
  }

  /** The pod's cgroup in the syntax of the cgroup driver. */
  parentOf(pod: Pod): string | undefined {
    if (!this.#usable) return undefined;
    const { layout } = this.#options;
    return cgroupPath(this.#names(pod), layout.driver);
  }

  /**
   * `kubepods` and the cgroups of its QoS classes, in the driver's syntax; empty if pods have none.
   */
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

  /**
   * Removes the cgroup of a pod whose containers have ended, and kills the processes left in it.
   */
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
        // Right after a container ends, EBUSY often just means that the kernel is still cleaning
        // up.
        log.debug({ podUid: uid, err }, 'killing processes that outlived their pod');
        await tree.kill(names);
        await tree.remove(names);
      }
    }
  }
}
