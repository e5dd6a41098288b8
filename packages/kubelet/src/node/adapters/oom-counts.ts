import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { readKernelText } from '@nodeagent/base/files';

import { parseCount } from '../codec/oom-records.js';
import type { OomCounts } from '../model/oom-counts.js';

const EVENTS = 'memory.events';

/** Enough for all of `/proc/vmstat`. */
const buffer = Buffer.allocUnsafe(32 * 1024);

/**
 * Reads how often the kernel ended processes for want of memory. In a cgroup namespace that is known
 * of the namespace; elsewhere, of the machine and of its top cgroups, which count those below.
 *
 * @param proc,cgroups where these file systems are mounted
 * @returns undefined under version 1 of cgroups, which does not tell who lacked the memory
 * @see Linux Documentation/admin-guide/cgroup-v2.rst, `memory.events`; proc(5), `/proc/vmstat`
 */
export function readOomCounts(proc = '/proc', cgroups = '/sys/fs/cgroup'): OomCounts | undefined {
  const of = (directory: string): string | undefined =>
    readKernelText(join(cgroups, directory, EVENTS), buffer);
  const own = of('.');
  if (own !== undefined) return counts(parseCount(own, 'oom_kill'), parseCount(own, 'oom'));
  const isV2 = readKernelText(join(cgroups, 'cgroup.controllers'), buffer) !== undefined;
  const vmstat = readKernelText(join(proc, 'vmstat'), buffer);
  if (!isV2 || vmstat === undefined) return undefined;
  const kills = parseCount(vmstat, 'oom_kill');
  const tops = readdirSync(cgroups, { withFileTypes: true }).filter((each) => each.isDirectory());
  const atLimits = tops.map(({ name }) => parseCount(of(name) ?? '', 'oom') ?? 0);
  return counts(
    kills,
    atLimits.reduce((sum, each) => sum + each, 0),
  );
}

function counts(kills: number | undefined, atLimits: number | undefined): OomCounts | undefined {
  return kills === undefined || atLimits === undefined ? undefined : { kills, atLimits };
}
