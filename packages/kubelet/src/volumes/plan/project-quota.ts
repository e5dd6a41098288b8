/** Use of a project, as the kernel counts it: removed files that are still open are in it. */
export interface ProjectUsage {
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/**
 * The first number for projects of volumes.
 *
 * @see Kubernetes 1.36 pkg/volume/util/fsquota/common/quota_common_linux.go, FirstQuota
 */
export const FIRST_PROJECT = 1_048_577;
/** The highest number; the one above it stands for none. @see Linux include/linux/projid.h */
const LAST_PROJECT = 0xffff_fffe;

const BLOCK_BYTES = 1024;

/**
 * Use by project, from `xfs_quota -c 'report -p -N -n -b -i'`. A project without any has no line.
 *
 * @see xfs_quota(8): number, 1 KiB blocks, two limits, warnings, a grace period in brackets, and the
 *   same for inodes
 */
export function parseUsage(output: string): ReadonlyMap<number, ProjectUsage> {
  const found = new Map<number, ProjectUsage>();
  for (const line of output.split('\n')) {
    const [ofBlocks = '', ofInodes = ''] = line.split(/\[[^[\]]*\]/);
    const [name = '', blocks] = words(ofBlocks);
    const [inodes] = words(ofInodes);
    const project = numberIn(name.startsWith('#') ? name.slice(1) : name);
    const [used, count] = [numberIn(blocks), numberIn(inodes)];
    if (project === undefined || used === undefined || count === undefined) continue;
    found.set(project, { usedBytes: used * BLOCK_BYTES, inodesUsed: count });
  }
  return found;
}

/**
 * Tells whether a file system counts the use of projects, from `xfs_quota -c 'state -p'`. Limits need
 * not be enforced.
 */
export function countsProjects(output: string): boolean {
  return output.split('\n').some((line) => line.trim() === 'Accounting: ON');
}

/** Projects of files, in the order in which `lsattr -pd` was given them. @see lsattr(1) */
export function parseProjects(output: string): readonly number[] {
  return output.split('\n').flatMap((line) => numberIn(line.trim().split(' ', 1)[0]) ?? []);
}

/**
 * Numbers that an administrator has given to projects.
 *
 * @param projects content of /etc/projects: `number:path`
 * @param projid content of /etc/projid: `name:number`
 * @see projects(5), projid(5)
 */
export function reservedProjects(projects: string, projid: string): ReadonlySet<number> {
  const numbers = (text: string, at: 0 | 1): readonly number[] =>
    text
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .flatMap((line) => numberIn(line.trim().split(':')[at]) ?? []);
  return new Set([...numbers(projects, 0), ...numbers(projid, 1)]);
}

/**
 * The lowest number that nobody has. That keeps the kernel's table small, which remembers every number
 * that was ever in use.
 *
 * @returns undefined if there is none
 */
export function freeProject(
  usage: ReadonlyMap<number, ProjectUsage>,
  reserved: ReadonlySet<number>,
): number | undefined {
  for (let project = FIRST_PROJECT; project <= LAST_PROJECT; project += 1) {
    const { usedBytes = 0, inodesUsed = 0 } = usage.get(project) ?? {};
    if (usedBytes === 0 && inodesUsed === 0 && !reserved.has(project)) return project;
  }
  return undefined;
}

function words(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '');
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
