import type { Clock } from '@nodeagent/base';
import type { CgroupReadings } from '@nodeagent/cgroups';
import {
  type ContainerId,
  isCriError,
  type SandboxId,
  type SandboxStats,
} from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import type {
  Measured,
  MeasuredContainer,
  MeasuredNode,
  MeasuredPod,
  MeasuredSystem,
  PodDisk,
  ReportedContainer,
} from '../model/measurement.js';
import type { InterfaceFigures } from '../model/usage.js';
import {
  containersBySandbox,
  figuresOnly,
  type ListedContainer,
  type ListedSandbox,
  newestSandboxes,
} from '../plan/newest-sandboxes.js';
import { reportedPod } from '../plan/pod-figures.js';
import type { SystemCgroup } from '../plan/system-cgroups.js';
import type { CriStats, MachineReadings, PodPlaces } from '../ports.js';
import { CgroupFinder } from './cgroup-finder.js';
import { CgroupMemory } from './cgroup-memory.js';

export interface MeasurerOptions {
  readonly cri: CriStats;
  readonly cgroups: CgroupReadings;
  readonly machine: MachineReadings;
  readonly places: PodPlaces;
  readonly systems: () => readonly SystemCgroup[];
  /** Disk usage as last measured; undefined for pods not measured yet. */
  readonly diskOf: (podUid: string) => PodDisk | undefined;
  readonly clock: Clock;
}

export interface MeasureWhat {
  /** True: read all details of containers and system cgroups. */
  readonly full: boolean;
  /** True: ask the runtime for usage. */
  readonly reported: boolean;
  readonly network: boolean;
  /**
   * True: ask the runtime for figures of pods whose cgroup or network the machine does not show. One
   * pod that the runtime cannot measure makes that call fail.
   */
  readonly completed: boolean;
  /** True: read containers' files only if the runtime does not report CPU, memory or swap. */
  readonly sparing: boolean;
}

/** The measurements that each page needs. */
export const MEASURE = {
  cadvisor: { full: true, reported: false, network: true, completed: false, sparing: false },
  summary: { full: false, reported: true, network: true, completed: true, sparing: false },
  shortSummary: { full: false, reported: true, network: false, completed: true, sparing: false },
  resource: { full: false, reported: true, network: false, completed: true, sparing: true },
  eviction: { full: false, reported: true, network: false, completed: false, sparing: true },
} as const satisfies Readonly<Record<string, MeasureWhat>>;

/** Lists of the runtime, indexed by owner, without their long fields. */
interface Listed {
  readonly sandboxes: readonly ListedSandbox[];
  readonly containers: ReadonlyMap<string, readonly ListedContainer[]>;
  readonly reported: ReadonlyMap<string, ReportedContainer>;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly hasSwap: boolean;
}

interface ContainerContext {
  readonly pod: Pod | undefined;
  /** The pod's cgroup. */
  readonly parent: string | undefined;
  readonly listed: Listed;
  readonly what: MeasureWhat;
}

/** Measures the node and its pods on each call; remembers only data for rates and paths. */
export class NodeMeasurer {
  readonly #options: MeasurerOptions;
  readonly #memory = new CgroupMemory();
  readonly #finder: CgroupFinder;

  constructor(options: MeasurerOptions) {
    this.#options = options;
    this.#finder = new CgroupFinder(options);
  }

  async measure(
    pods: readonly Pod[],
    what: MeasureWhat,
    signal: AbortSignal,
  ): Promise<MeasuredNode> {
    const { machine, clock } = this.#options;
    const listed = await this.#list(pods, what, signal);
    const root = await this.#cgroup('/', what.full);
    const systems = await this.#systems(root, what.full);
    const measured: MeasuredPod[] = [];
    for (const sandbox of listed.sandboxes) {
      measured.push(await this.#pod(sandbox, listed, what, signal));
    }
    this.#memory.sweep();
    this.#finder.sweep();
    return {
      atMs: clock.nowMs(),
      bootMs: await machine.bootTimeMs(),
      memory: await machine.memory(),
      ...{ root, systems },
      pods: what.completed ? await this.#completed(measured, { listed, what }, signal) : measured,
    };
  }

  async #list(
    pods: readonly Pod[],
    { reported }: MeasureWhat,
    signal: AbortSignal,
  ): Promise<Listed> {
    const { cri, machine } = this.#options;
    const [sandboxes, containers, stats] = await Promise.all([
      cri.listPodSandbox({ state: 'ready' }, signal).then(newestSandboxes),
      cri.listContainers({ state: 'running' }, signal).then(containersBySandbox),
      reported ? unlessUnknown(cri.listContainerStats({}, signal)).then(figuresOnly) : [],
    ]);
    return {
      ...{ sandboxes, containers },
      reported: new Map(stats.map((each) => [each.id, each])),
      pods: new Map(pods.map((pod) => [podUid(pod), pod])),
      hasSwap: (await machine.memory()).swapTotalBytes > 0,
    };
  }

  /** Adds the runtime's figures to pods whose cgroup or network the machine does not show. */
  async #completed(
    measured: readonly MeasuredPod[],
    { listed: { pods }, what }: Readonly<{ listed: Listed; what: MeasureWhat }>,
    signal: AbortSignal,
  ): Promise<readonly MeasuredPod[]> {
    const isLacking = ({ usage, interfaces, uid }: MeasuredPod): boolean =>
      usage === undefined ||
      (what.network && interfaces === undefined && pods.get(uid)?.spec?.hostNetwork !== true);
    if (!measured.some(isLacking)) return measured;
    const stats = await unlessUnknown(this.#options.cri.listPodSandboxStats({}, signal));
    const reported = new Map<string, SandboxStats>(stats.map((each) => [each.id, each]));
    return measured.map((pod) =>
      isLacking(pod) ? reportedPod(pod, reported.get(pod.sandbox.id)) : pod,
    );
  }

  /** Reads each cgroup once, even if several system containers share it. */
  async #systems(root: Measured, full: boolean): Promise<readonly MeasuredSystem[]> {
    const { systems, cgroups } = this.#options;
    const read = new Map([['/', Promise.resolve(root)]]);
    const found = systems().map(async ({ name, path, startedAtMs }) => {
      const reading = read.get(path) ?? this.#cgroup(path, full);
      read.set(path, reading);
      const measured = await reading;
      if (measured.usage === undefined) return [];
      const atMs = startedAtMs ?? (await cgroups.changedAtMs(path));
      return [{ ...measured, name, startedAtMs: atMs }];
    });
    return (await Promise.all(found)).flat();
  }

  async #pod(
    sandbox: ListedSandbox,
    listed: Listed,
    what: MeasureWhat,
    signal: AbortSignal,
  ): Promise<MeasuredPod> {
    const { cri, places, diskOf } = this.#options;
    const { name, namespace, uid } = sandbox;
    const pod = listed.pods.get(uid);
    const parent = pod && places.cgroupOf(pod);
    const path = what.network
      ? await this.#finder.find(
          { id: sandbox.id, parent },
          () => cri.podSandboxInfo(sandbox.id as SandboxId, signal),
          signal,
        )
      : undefined;
    const containers: MeasuredContainer[] = [];
    for (const container of listed.containers.get(sandbox.id) ?? []) {
      containers.push(await this.#container(container, { pod, parent, listed, what }, signal));
    }
    const own = parent === undefined ? NOT_FOUND : await this.#cgroup(parent, false);
    return {
      ...own,
      ...{ name, namespace, uid, containers },
      startedAtMs: sandbox.startedAtMs,
      // The usage of the sandbox's single process is part of the pod's own figures.
      sandbox: { id: sandbox.id, path },
      interfaces:
        !what.network || pod?.spec?.hostNetwork === true
          ? undefined
          : await this.#interfaces(sandbox.id, path),
      disk: diskOf(uid),
      reported: undefined,
    };
  }

  async #container(
    container: ListedContainer,
    { pod, parent, listed, what }: ContainerContext,
    signal: AbortSignal,
  ): Promise<MeasuredContainer> {
    const { id, name, image, startedAtMs } = container;
    const reported = listed.reported.get(id);
    const { path, usage, nanoCores } =
      what.sparing && isEnough(reported, listed.hasSwap)
        ? NOT_FOUND
        : await this.#containerCgroup(id, { parent, full: what.full }, signal);
    const spec = pod && containerSpec(pod, name);
    return {
      ...{ id, name, reported, path, usage, startedAtMs },
      image: spec?.image ?? image,
      nanoCores: nanoCores ?? reported?.cpu?.usageNanoCores,
    };
  }

  async #containerCgroup(
    id: string,
    { parent, full }: Readonly<{ parent: string | undefined; full: boolean }>,
    signal: AbortSignal,
  ): Promise<Measured> {
    const info = (): ReturnType<CriStats['containerInfo']> =>
      this.#options.cri.containerInfo(id as ContainerId, signal);
    const path = await this.#finder.find({ id, parent }, info, signal);
    return path === undefined ? NOT_FOUND : this.#cgroup(path, full);
  }

  async #cgroup(path: string, full: boolean): Promise<Measured> {
    const { cgroups, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const limits = this.#memory.limitsOf(path, nowMs);
    const usage = await cgroups.read(path, { full, limits });
    return { path, usage, nanoCores: usage && this.#memory.next(path, usage, nowMs) };
  }

  /** Reads the network of the pod through a process of its sandbox. */
  async #interfaces(
    id: string,
    path: string | undefined,
  ): Promise<readonly InterfaceFigures[] | undefined> {
    const { machine } = this.#options;
    const pid = path === undefined ? undefined : await this.#finder.processOf(id, path);
    const found = pid === undefined ? undefined : await machine.interfacesOf(pid);
    if (found === undefined) this.#finder.forgetProcess(id);
    return found;
  }
}

const NOT_FOUND: Measured = { path: undefined, usage: undefined, nanoCores: undefined };

function isEnough(reported: ReportedContainer | undefined, hasSwap: boolean): boolean {
  return (
    reported?.cpu?.usageCoreNs !== undefined &&
    reported.memory?.workingSetBytes !== undefined &&
    (!hasSwap || reported.swap?.usageBytes !== undefined)
  );
}

function containerSpec(
  { spec }: Pod,
  wanted: string,
): Readonly<{ image?: string | undefined }> | undefined {
  const isWanted = ({ name }: Readonly<{ name: string }>): boolean => name === wanted;
  return (
    spec?.containers.find(isWanted) ??
    spec?.initContainers?.find(isWanted) ??
    spec?.ephemeralContainers?.find(isWanted)
  );
}

/** A runtime may lack this call; the cgroups supply the figures then. */
async function unlessUnknown<T>(call: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await call;
  } catch (error) {
    if (isCriError(error, 'CRI_UNIMPLEMENTED')) return [];
    throw error;
  }
}
