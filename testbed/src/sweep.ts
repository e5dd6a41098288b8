import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Claim, dropClaim, findDeadClaims } from './claims.ts';
import { tryCommand } from './command.ts';
import { deleteNetns, netnsPath } from './node-network.ts';
import {
  allPids,
  environmentOf,
  identify,
  isGone,
  mountsOf,
  netnsInodeOf,
  type ProcessId,
} from './proc.ts';
import { killAll } from './processes.ts';

/** The environment variable that marks every process of a testbed, and so their children. */
export const MARK = 'NODEAGENT_TESTBED';

const BLOCK_DEVICES = '/sys/block';

/** Cleans up after killed testbeds. Cheap when there are none. */
export async function sweepLeftovers(): Promise<void> {
  for (const claim of await findDeadClaims()) await sweepClaim(claim);
}

/**
 * Removes everything that belongs to one testbed, each part before those it depends on: processes,
 * mounts, loop devices, network, cgroups, files. It does not call the programs, so it works whatever state they
 * are in.
 */
export async function sweepClaim(claim: Claim): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const found = processesOf(claim);
    if (found.length === 0) break;
    await killAll(found);
  }
  const containers = await containerIds(claim.dir);
  await unmountBelow(claim.dir);
  await unmountBelow(claim.runDir);
  await freeLoopDevices(claim.dir);
  await deleteNetns(claim.id);
  removeCgroups('/sys/fs/cgroup', new Set([...containers, claim.id]));
  for (const id of containers) await rm(shimSocket(claim.runDir, id), { force: true });
  await rm(claim.dir, { recursive: true, force: true });
  await dropClaim(claim);
}

/**
 * Finds marked processes, those in the testbed's network namespaces, and those whose root is one of
 * its mounts.
 */
function processesOf({ id, dir, runDir }: Claim): readonly ProcessId[] {
  const mark = `${MARK}=${id}`;
  const below = mountsOf('self').filter(
    ({ mountPoint }) => isBelow(mountPoint, dir) || isBelow(mountPoint, runDir),
  );
  const netns = new Set(
    [netnsPath(id), ...below.map(({ mountPoint }) => mountPoint)]
      .filter((path) => path.includes('netns'))
      .map(inodeOf),
  );
  return allPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    const inode = netnsInodeOf(pid);
    const ours =
      (inode !== undefined && netns.has(inode)) ||
      environmentOf(pid).includes(mark) ||
      mountsOf(pid).some(({ mountPoint, source }) => mountPoint === '/' && source.includes(dir));
    const found = ours ? identify(pid) : undefined;
    return found === undefined ? [] : [found];
  });
}

function inodeOf(path: string): number | undefined {
  return existsSync(path) ? statSync(path).ino : undefined;
}

function isBelow(path: string, dir: string): boolean {
  return path === dir || path.startsWith(`${dir}/`);
}

/** The runtime keeps one folder per running container, named by its id. */
async function containerIds(dir: string): Promise<readonly string[]> {
  const folder = join(dir, 'containerd/state/io.containerd.runtime.v2.task/k8s.io');
  return readdir(folder).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}

/** The only files of shims outside of our folders. @see containerd runtime/v2/shim/util_unix.go */
function shimSocket(runDir: string, containerId: string): string {
  const name = join(runDir, 'containerd.sock/k8s.io', containerId);
  return join('/run/containerd/s', createHash('sha256').update(name).digest('hex'));
}

async function unmountBelow(dir: string): Promise<void> {
  const points = mountsOf('self').map(({ mountPoint }) => mountPoint);
  const deepestFirst = points.filter((point) => isBelow(point, dir)).reverse();
  for (const point of deepestFirst) await tryCommand(['umount', '--lazy', point]);
}

/** Detaches block devices of files below the folder. */
async function freeLoopDevices(dir: string): Promise<void> {
  for (const name of readdirSync(BLOCK_DEVICES).filter((one) => one.startsWith('loop'))) {
    const file = join(BLOCK_DEVICES, name, 'loop/backing_file');
    const backing = await readFile(file, 'utf8').catch(() => ''); // none, or detached meanwhile
    if (isBelow(backing.trimEnd(), dir)) await tryCommand(['losetup', '-d', `/dev/${name}`]);
  }
}

/** Removes cgroups of these names and their content, anywhere in the hierarchies. */
function removeCgroups(folder: string, names: ReadonlySet<string>): void {
  for (const name of foldersIn(folder)) {
    const path = join(folder, name);
    if (names.has(name)) removeCgroupTree(path);
    else removeCgroups(path, names);
  }
}

function removeCgroupTree(path: string): void {
  for (const name of foldersIn(path)) removeCgroupTree(join(path, name));
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function foldersIn(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
