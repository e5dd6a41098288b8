import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readConfigFiles } from '../../../src/adapters/index.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'config-files-'));
});
afterAll(() => rm(dir, { recursive: true }));

const HEADER = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

async function write(name: string, maxPods: number): Promise<string> {
  const path = join(dir, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${HEADER}maxPods: ${maxPods}\n`);
  return path;
}

describe(readConfigFiles, () => {
  it('reads only the files that end in .conf, ordered by name', async () => {
    await write('drop-ins/20-b.conf', 3);
    await write('drop-ins/10-a.conf', 1);
    await write('drop-ins/10-b/z.conf', 2);
    await write('drop-ins/10-b-late.conf', 22);
    await write('drop-ins/30-c.yaml', 4);
    await write('drop-ins/40-d.conf.bak', 5);
    const { file, dropIns } = await readConfigFiles(undefined, join(dir, 'drop-ins'));
    expect(file).toBeUndefined();
    expect(dropIns.map((each) => each['maxPods'])).toEqual([1, 2, 22, 3]);
  });

  it('returns the file and the directory to which its paths are relative', async () => {
    const path = await write('etc/kubelet.yaml', 7);
    const { file, dropIns } = await readConfigFiles(path, undefined);
    expect(file).toMatchObject({ value: { maxPods: 7 }, directory: join(dir, 'etc') });
    expect(dropIns).toEqual([]);
  });

  it('names the directory that cannot be read', async () => {
    await expect(readConfigFiles(undefined, join(dir, 'absent'))).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(join(dir, 'absent')),
    });
  });
});
