import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ifStarted } from '../../src/index.ts';
import { createMachines, type Machine, type Machines } from '../../src/machine/index.ts';

let machines: Machines;
let machine: Machine;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'machine-'));
  await writeFile(join(folder, 'greeting'), 'hello\n');
  machines = await createMachines('machine-tests');
  const disks = [{ folder, label: 'nodeagent' }, { sizeMiB: 16 }];
  machine = await machines.boot({ name: 'first', cpus: 4, disks });
});

afterAll(async () => {
  await ifStarted(machines)?.remove();
  await rm(folder, { recursive: true, force: true });
});

describe('a machine', () => {
  it('runs systemd on cgroup version 2, with the controllers of a node', async () => {
    expect(await machine.sh('cat /proc/1/comm')).toBe('systemd\n');
    const controllers = await machine.sh('cat /sys/fs/cgroup/cgroup.controllers');
    const needed = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];
    expect(controllers.trim().split(' ')).toEqual(expect.arrayContaining(needed));
    expect(await machine.sh('cat /sys/fs/cgroup/memory.pressure')).toContain('some avg10=');
    expect(await machine.sh('systemctl list-units --failed --plain --no-legend')).toBe('');
  });

  it('has processors on two NUMA nodes', async () => {
    expect(await machine.sh('nproc')).toBe('4\n');
    expect(await machine.sh('cat /sys/devices/system/node/node1/cpulist')).toBe('2-3\n');
  });

  it('has containerd with the test images', async () => {
    const images = await machine.sh('ctr -n k8s.io images ls -q');
    for (const name of ['pause', 'busybox', 'web']) {
      expect(images).toContain(`nodeagent.test/${name}:1\n`);
    }
  });

  it('reaches programs of its space, and is reached by them', async () => {
    const { space } = machines;
    const at = space.network.nodeIp;
    await space.start('web', ['busybox', 'httpd', '-f', '-p', `${at}:8080`, '-h', folder]);
    expect(await machine.sh(`curl -sf --retry 5 http://${at}:8080/greeting`)).toBe('hello\n');
    await space.run(['busybox', 'ping', '-c', '1', '-W', '10', machine.address]);
  });

  it('tells failed commands with their output', async () => {
    const { exitCode, stdout, stderr } = await machine.try('echo said; echo wrong >&2; exit 3');
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 3,
      stdout: 'said\n',
      stderr: 'wrong\n',
    });
    await expect(machine.sh('echo no such thing >&2; false')).rejects.toThrow('no such thing');
  });

  it('gets a folder of the host, read-only', async () => {
    expect(await machine.sh('cat /opt/nodeagent/greeting')).toBe('hello\n');
    expect((await machine.try('touch /opt/nodeagent/new')).stderr).toContain('Read-only');
  });

  it('keeps files over a reboot, and has a new boot id then', async () => {
    await machine.write('/var/lib/test/kept', 'still here\n', 0o600);
    const before = await machine.sh('cat /proc/sys/kernel/random/boot_id');
    await machine.reboot();
    expect(await machine.sh('cat /var/lib/test/kept; stat -c %a /var/lib/test/kept')).toBe(
      'still here\n600\n',
    );
    expect(await machine.sh('cat /proc/sys/kernel/random/boot_id')).not.toBe(before);
  });

  it('loses without power what was not yet written to the disk', async () => {
    await machine.sh('mkfs.ext4 -q /dev/vdc; mount /dev/vdc /mnt; echo disk > /mnt/file');
    await machine.sh('echo safe > /var/lib/test/synced; sync; echo lost > /var/lib/test/unsynced');
    await machine.cutPower();
    await machine.start();
    expect(await machine.sh('cat /var/lib/test/synced')).toBe('safe\n');
    expect((await machine.try('cat /var/lib/test/unsynced')).stdout).toBe('');
    expect(await machine.sh('mount /dev/vdc /mnt; cat /mnt/file')).toBe('disk\n');
  });

  it('switches off in order', async () => {
    await machine.powerOff();
    expect(await machine.console(200)).toContain('reboot: Power down');
    await expect(machine.sh('true')).rejects.toThrow();
  });
});
