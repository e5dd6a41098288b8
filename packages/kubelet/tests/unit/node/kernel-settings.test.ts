import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createKernelSettings } from '../../../src/node/adapters/kernel-settings.js';
import { prepareKernel } from '../../../src/node/run/index.js';
import { MemoryKernelSettings } from '../../../src/testing/index.js';

const log = new MemoryLogger();

describe(prepareKernel, () => {
  it('changes what differs', async () => {
    const settings = new MemoryKernelSettings();
    settings.values.set('vm/panic_on_oom', 2);
    await prepareKernel({ settings, isProtected: false, log });
    expect(Object.fromEntries(settings.values)).toEqual({
      'vm/overcommit_memory': 1,
      'vm/panic_on_oom': 0,
      'kernel/panic': 10,
      'kernel/panic_on_oops': 1,
      'kernel/keys/root_maxkeys': 1_000_000,
      'kernel/keys/root_maxbytes': 25_000_000,
    });
    await prepareKernel({ settings, isProtected: true, log });
  });

  it('changes nothing that is protected, and names all that differs', async () => {
    const settings = new MemoryKernelSettings();
    settings.values.set('vm/overcommit_memory', 1);
    const before = Object.fromEntries(settings.values);
    const failed = prepareKernel({ settings, isProtected: true, log });
    await expect(failed).rejects.toMatchObject({
      code: 'KERNEL_SETTING',
      message:
        'invalid kernel flag: kernel/panic, expected value: 10, actual value: 0; ' +
        'invalid kernel flag: kernel/panic_on_oops, expected value: 1, actual value: 0',
    });
    expect(Object.fromEntries(settings.values)).toEqual(before);
  });

  it('fails on a kernel without a setting, after it has changed the others', async () => {
    const settings = new MemoryKernelSettings();
    settings.values.delete('kernel/keys/root_maxkeys');
    const failed = prepareKernel({ settings, isProtected: false, log });
    await expect(failed).rejects.toThrow(
      /^kernel flag kernel\/keys\/root_maxkeys must be 1000000: /,
    );
    expect(settings.values.get('kernel/panic')).toBe(10);
  });
});

describe(createKernelSettings, () => {
  it('reads and writes files below its root', async () => {
    const root = await mkdtemp(join(tmpdir(), 'kernel-settings-'));
    onTestFinished(() => rm(root, { recursive: true }));
    await mkdir(join(root, 'vm'));
    await writeFile(join(root, 'vm/swappiness'), '60\n');
    const settings = createKernelSettings(root);
    expect(await settings.read('vm/swappiness')).toBe(60);
    await settings.write('vm/swappiness', 0);
    expect(await readFile(join(root, 'vm/swappiness'), 'utf8')).toBe('0');
    await writeFile(join(root, 'vm/swappiness'), 'often\n');
    await expect(settings.read('vm/swappiness')).rejects.toThrow(/is not a number/);
    await expect(settings.read('vm/none')).rejects.toThrow(/does not exist/);
  });

  it('reads the settings of this machine', async () => {
    expect(await createKernelSettings().read('kernel/pid_max')).toBeGreaterThan(0);
  });
});
