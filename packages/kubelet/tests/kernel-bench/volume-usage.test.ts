import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { MemoryLogger } from '@nodeagent/base/testing';
import { runCommand } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { createDirectoryReadings } from '../../src/stats/adapters/directory-readings.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createProjectQuotas } from '../../src/volumes/adapters/project-quotas.js';
import { createVolumeFiles } from '../../src/volumes/adapters/volume-files.js';
import { CountedVolumes } from '../../src/volumes/run/index.js';

const FILES = 100_000;
const ROUNDS = 3;
/** A hundred files to a folder. */
const FILL = `mkdir $(seq ${FILES / 100}); seq 100 ${FILES + 99} | sed 's#..$#/&#' | xargs touch`;
/** System calls take long in the guest. */
const timeout = 1_500_000;
const DISK = '/tmp/disk';
const { signal } = new AbortController();

interface Cost {
  readonly ms: number;
  /** Excludes the programs that this process runs. */
  readonly cpuMs: number;
}

/** @returns the median of a few rounds */
async function costOf(act: () => Promise<unknown>): Promise<Cost> {
  const rounds: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [startMs, before] = [performance.now(), process.cpuUsage()];
    await act();
    const { user, system } = process.cpuUsage(before);
    rounds.push({ ms: performance.now() - startMs, cpuMs: (user + system) / 1000 });
  }
  return (
    rounds.toSorted((a, b) => a.ms - b.ms)[ROUNDS >> 1] ?? { ms: Number.NaN, cpuMs: Number.NaN }
  );
}

it(
  `usage of an emptyDir with ${FILES} files, by a walk and by its quota`,
  { timeout },
  async () => {
    await runCommand(['modprobe', '-a', 'loop', 'ext4', 'quota_v2']);
    writeFileSync(`${DISK}.img`, '');
    truncateSync(`${DISK}.img`, 400 * 2 ** 20);
    const features = ['-O', 'quota,project', '-E', 'quotatype=prjquota', '-N', String(2 * FILES)];
    await runCommand(['mkfs.ext4', '-q', ...features, `${DISK}.img`]);
    mkdirSync(DISK);
    await runCommand(['mount', '-o', 'loop,prjquota', `${DISK}.img`, DISK]);
    const volume = join(DISK, 'data');
    mkdirSync(volume);
    const [quotas, log] = [createProjectQuotas(), new MemoryLogger()];
    const options = { quotas, log, mounter: createMounter(), files: createVolumeFiles() };
    const counted = new CountedVolumes(options);
    await counted.count(volume, true);
    await runCommand(['sh', '-c', FILL], { cwd: volume, timeoutMs: timeout });
    const readings = createDirectoryReadings();
    const want = FILES + FILES / 100 + 1;
    expect(await readings.measure(volume, signal)).toMatchObject({ inodesUsed: want });
    expect(await counted.figures(volume)).toMatchObject({ inodesUsed: want });
    const walk = await costOf(() => readings.measure(volume, signal));
    const quota = await costOf(() => counted.figures(volume));
    const row = (name: string, { ms, cpuMs }: Cost) =>
      `${name.padEnd(8)} ${ms.toFixed(1).padStart(8)} ms ${cpuMs.toFixed(1).padStart(8)} ms of CPU`;
    console.log(
      [`emptyDir with ${FILES} files:`, row('walk', walk), row('quota', quota)].join('\n'),
    );
  },
);
