import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { MemoryLogger } from '@nodeagent/base/testing';
import { runCommand } from '@nodeagent/testbed';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDirectoryReadings } from '../../src/stats/adapters/directory-readings.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createProjectQuotas } from '../../src/volumes/adapters/project-quotas.js';
import { createVolumeFiles } from '../../src/volumes/adapters/volume-files.js';
import { FIRST_PROJECT } from '../../src/volumes/plan/project-quota.js';
import { CountedVolumes } from '../../src/volumes/run/index.js';

const { signal } = new AbortController();
const quotas = createProjectQuotas();
const log = new MemoryLogger();
const open = () =>
  new CountedVolumes({ quotas, log, mounter: createMounter(), files: createVolumeFiles() });
const walk = (dir: string) => createDirectoryReadings().measure(dir, signal);

beforeAll(async () => {
  await runCommand(['modprobe', '-a', 'loop', 'xfs', 'ext4', 'quota_v2']);
});
beforeEach(() => void log.lines.splice(0));

/** @returns the path at which it is mounted, which holds blanks */
async function aFileSystem(
  make: readonly string[],
  ...options: readonly string[]
): Promise<string> {
  const name = `${make.join('')}${options.join('')}`.replaceAll(/[^a-z0-9]/g, '');
  const image = `/tmp/${name}.img`;
  writeFileSync(image, '');
  truncateSync(image, 400 * 2 ** 20);
  await runCommand([...make, '-q', image]);
  const path = `/tmp/a disk ${name}`;
  await mkdir(path);
  await runCommand(['mount', '-o', ['loop', ...options].join(), image, path]);
  return path;
}

const EXT4 = ['mkfs.ext4', '-O', 'quota,project', '-E', 'quotatype=prjquota'];

describe.each([
  ['xfs', ['mkfs.xfs'], ['prjquota']],
  ['ext4', EXT4, ['prjquota']],
  ['ext4 that enforces nothing', EXT4, []],
])('a volume on %s', (name, make, options) => {
  let disk: string;
  beforeAll(async () => {
    disk = await aFileSystem(make, ...options);
  });
  const aVolume = async (uid: string, isEmpty = true, counted = open()) => {
    const dir = join(disk, `pods/${uid}/data`);
    mkdirSync(dir, { recursive: true });
    await counted.count(dir, isEmpty);
    return { dir, counted };
  };

  it('is counted as a walk of it counts', async () => {
    const { dir, counted } = await aVolume('walked');
    await mkdir(join(dir, 'below/below'), { recursive: true });
    writeFileSync(join(dir, 'below/below/file'), Buffer.alloc(5 * 2 ** 20, 1));
    for (let i = 0; i < 100; i += 1) writeFileSync(join(dir, `below/${i}`), 'x');
    execFileSync('sync');
    const walked = await walk(dir);
    const figures = await counted.figures(dir);
    expect(figures?.inodesUsed).toBe(104);
    expect(figures?.inodesUsed).toBe(walked?.inodesUsed);
    // the kernel may count blocks of attributes and indexes, too
    expect(figures?.usedBytes).toBeGreaterThanOrEqual(5 * 2 ** 20);
    expect(Math.abs((figures?.usedBytes ?? 0) - (walked?.usedBytes ?? 0))).toBeLessThan(64 * 1024);
    expect(log.lines).toEqual([]);
  });

  it('counts a removed file that is still open, and keeps its number meanwhile', async () => {
    const { dir, counted } = await aVolume('open');
    const file = openSync(join(dir, 'file'), 'w');
    writeSync(file, Buffer.alloc(2 ** 20, 1));
    await rm(join(dir, 'file'));
    execFileSync('sync');
    expect((await counted.figures(dir))?.usedBytes).toBeGreaterThanOrEqual(2 ** 20);
    const [project = 0] = await quotas.projectsOf([dir]);
    await rm(dir, { recursive: true });
    counted.forget(join(disk, 'pods/open'));
    const next = await aVolume('after-open');
    expect(await quotas.projectsOf([next.dir])).not.toEqual([project]);
    closeSync(file);
    execFileSync('sync');
    const last = await aVolume('after-close');
    expect(await quotas.projectsOf([last.dir])).toEqual([project]);
  });

  it('is found again by the next kubelet', async () => {
    const { dir } = await aVolume('restart');
    writeFileSync(join(dir, 'file'), 'x');
    const { counted } = await aVolume('restart', false);
    expect(await counted.figures(dir)).toMatchObject({ inodesUsed: 2 });
  });

  it('gets a number of its own, beside others at the same time, and below a project', async () => {
    mkdirSync(join(disk, 'pods'), { recursive: true });
    const counted = open();
    const uids = Array.from({ length: 10 }, (_, at) => `together-${at}`);
    const made = await Promise.all(uids.map((uid) => aVolume(uid, true, counted)));
    const projects = await quotas.projectsOf(made.map(({ dir }) => dir));
    expect(new Set(projects).size).toBe(10);
    expect(Math.min(...projects)).toBeGreaterThanOrEqual(FIRST_PROJECT);
    const inherited = join(disk, 'pods/together-0/data/pods/x/data');
    mkdirSync(inherited, { recursive: true });
    const other = open();
    await other.count(inherited, false);
    expect(other.isCounted(inherited)).toBe(false);
  });

  it('is found through a link', async () => {
    const link = `/tmp/link-${name.replaceAll(' ', '-')}`;
    await symlink(disk, link);
    const dir = join(link, 'pods/linked/data');
    mkdirSync(dir, { recursive: true });
    const counted = open();
    await counted.count(dir, true);
    expect(await counted.figures(dir)).toMatchObject({ inodesUsed: 1 });
  });
});

it.each([
  ['xfs without the option', ['mkfs.xfs'], /prjquota/],
  ['ext4 without the features', ['mkfs.ext4'], /prjquota/],
])('a volume on %s is walked, which is said once', async (_, make, why) => {
  const disk = await aFileSystem(make, 'nodev');
  const counted = open();
  for (const name of ['one', 'two']) {
    mkdirSync(join(disk, name));
    await counted.count(join(disk, name), true);
    expect(await counted.figures(join(disk, name))).toBeUndefined();
    expect(await quotas.projectsOf([join(disk, name)])).toEqual([0]);
  }
  const fields = { mountPoint: disk, why: expect.stringMatching(why) as string };
  expect(log.lines).toMatchObject([{ level: 'warn', fields }]);
});

it('a volume in memory has no projects', async () => {
  mkdirSync('/tmp/plain');
  expect(await quotas.problem('/tmp')).toBeDefined();
  await expect(quotas.assign('/tmp/plain', FIRST_PROJECT)).rejects.toThrow('chattr');
});
