import type { CgroupReadings } from '@nodeagent/cgroups';
import { isCriError } from '@nodeagent/cri-client';

import { containerCgroups, processInInfo } from '../plan/container-cgroup.js';
import type { MachineReadings } from '../ports.js';

type Info = Readonly<Record<string, string>>;

interface Place {
  readonly path: string | undefined;
  pid: number | undefined;
}

/**
 * Finds the cgroups of sandboxes and containers: by the names that runtimes use below the pod's
 * cgroup, or else by the process's cgroup. Remembers the result for each object.
 */
export class CgroupFinder {
  readonly #cgroups: CgroupReadings;
  readonly #machine: MachineReadings;
  readonly #places = new Map<string, Place>();
  readonly #seen = new Set<string>();

  constructor(ports: { cgroups: CgroupReadings; machine: MachineReadings }) {
    this.#cgroups = ports.cgroups;
    this.#machine = ports.machine;
  }

  /**
   * @param parent the pod's cgroup; undefined if it has none of its own
   * @param info fetches the runtime's verbose info; called if the cgroup is not below the parent
   */
  async find(
    { id, parent }: Readonly<{ id: string; parent: string | undefined }>,
    info: () => Promise<Info>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    this.#seen.add(id);
    const known = this.#places.get(id);
    if (known !== undefined) return known.path;
    const path = (await this.#below(parent, id)) ?? (await this.#byProcess(info, signal));
    if (path !== undefined) this.#places.set(id, { path, pid: undefined });
    return path;
  }

  /** A process of the sandbox; the first one lives as long as the sandbox. */
  async processOf(id: string, path: string): Promise<number | undefined> {
    const place = this.#places.get(id);
    if (place === undefined) return undefined;
    place.pid ??= await this.#cgroups.processOf(path);
    return place.pid;
  }

  forgetProcess(id: string): void {
    const place = this.#places.get(id);
    if (place !== undefined) place.pid = undefined;
  }

  /** Forgets the objects that were not requested since the last sweep. */
  sweep(): void {
    for (const id of this.#places.keys()) if (!this.#seen.has(id)) this.#places.delete(id);
    this.#seen.clear();
  }

  async #below(parent: string | undefined, id: string): Promise<string | undefined> {
    if (parent === undefined) return undefined;
    for (const path of containerCgroups(parent, id)) {
      if ((await this.#cgroups.changedAtMs(path)) !== undefined) return path;
    }
    return undefined;
  }

  async #byProcess(info: () => Promise<Info>, signal: AbortSignal): Promise<string | undefined> {
    try {
      const pid = processInInfo(await info());
      return pid === undefined ? undefined : await this.#machine.cgroupOf(pid);
    } catch (error) {
      signal.throwIfAborted();
      if (isCriError(error, 'CRI_NOT_FOUND')) return undefined; // the object is gone
      throw error;
    }
  }
}
