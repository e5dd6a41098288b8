import type { Logger } from '@nodeagent/base';

import { VolumeError } from '../model/errors.js';
import { mountOf } from '../plan/mount-of.js';
import { FIRST_PROJECT, freeProject, type ProjectUsage } from '../plan/project-quota.js';
import type { Mounter, ProjectQuotas, VolumeFiles } from '../ports.js';

export interface CountedVolumesOptions {
  readonly quotas: ProjectQuotas;
  readonly mounter: Pick<Mounter, 'list'>;
  readonly files: Pick<VolumeFiles, 'realPath'>;
  readonly log: Logger;
}

interface Counted {
  readonly mountPoint: string;
  readonly project: number;
}

/**
 * Volumes whose use the kernel counts, each as a project of its own. Only the directory itself remembers
 * its project, and a project that nothing belongs to is free again: a killed kubelet leaves nothing to
 * clean up.
 */
export class CountedVolumes {
  readonly #options: CountedVolumesOptions;
  /** By directory; undefined for one that is not counted. */
  readonly #known = new Map<string, Counted | undefined>();
  /** By mount point: the reason why its projects are not counted, or undefined. */
  readonly #problems = new Map<string, string | undefined>();
  readonly #said = new Set<string>();
  /** A number is free until its directory has it, so directories get theirs one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: CountedVolumesOptions) {
    this.#options = options;
  }

  /**
   * Has the kernel count an empty directory. Looks up whether it counts another one. A failure is only
   * logged, once for each reason.
   */
  async count(dir: string, isEmpty: boolean): Promise<void> {
    if (this.#known.has(dir)) return;
    try {
      this.#known.set(dir, await this.#counted(dir, isEmpty));
    } catch (error) {
      this.#say({ err: error }, withoutPaths(error));
    }
  }

  isCounted(dir: string): boolean {
    return this.#known.get(dir) !== undefined;
  }

  /** Returns undefined for a directory that is not counted, or whose figures cannot be had. */
  async figures(dir: string): Promise<ProjectUsage | undefined> {
    const counted = this.#known.get(dir);
    if (counted === undefined) return undefined;
    const { mountPoint, project } = counted;
    try {
      return (await this.#options.quotas.usage(mountPoint, project)).get(project);
    } catch (error) {
      this.#say({ err: error }, withoutPaths(error));
      return undefined;
    }
  }

  /** Called when the pod's directory is removed with everything in it. */
  forget(podDir: string): void {
    for (const dir of this.#known.keys()) if (dir.startsWith(`${podDir}/`)) this.#known.delete(dir);
  }

  async #counted(dir: string, isEmpty: boolean): Promise<Counted | undefined> {
    const { mounter, files, quotas } = this.#options;
    const path = await files.realPath(dir);
    const mountPoint = mountOf(await mounter.list(), path)?.path;
    if (mountPoint === undefined) throw new VolumeError('VOLUME_IO', `${path} is on no mount`);
    const why = await this.#problem(mountPoint);
    if (why !== undefined) {
      this.#say({ mountPoint, why }, mountPoint);
      return undefined;
    }
    if (isEmpty) return { mountPoint, project: await this.#assign(mountPoint, path) };
    const above = path.slice(0, path.lastIndexOf('/'));
    const [project = 0, inherited] = await quotas.projectsOf([path, above]);
    return project >= FIRST_PROJECT && project !== inherited ? { mountPoint, project } : undefined;
  }

  async #problem(mountPoint: string): Promise<string | undefined> {
    if (!this.#problems.has(mountPoint)) {
      this.#problems.set(mountPoint, await this.#options.quotas.problem(mountPoint));
    }
    return this.#problems.get(mountPoint);
  }

  #assign(mountPoint: string, path: string): Promise<number> {
    const { quotas } = this.#options;
    const assigned = this.#turn.then(async () => {
      const project = freeProject(await quotas.usage(mountPoint), await quotas.reserved());
      if (project === undefined) throw new VolumeError('VOLUME_IO', 'no project number is free');
      await quotas.assign(path, project);
      return project;
    });
    this.#turn = assigned.catch(() => undefined);
    return assigned;
  }

  #say(fields: Readonly<Record<string, unknown>>, key: string): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#options.log.warn(fields, 'emptyDir volumes are measured by walking them');
  }
}

/** Returns the same text for the same failure of two volumes. */
function withoutPaths(error: unknown): string {
  return String(error).replaceAll(/\/\S+/g, '');
}
