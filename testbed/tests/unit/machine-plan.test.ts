import { describe, expect, it } from 'vitest';

import { planLan, planMember } from '../../src/machine/lan.ts';
import { type MachinePlan, qemuCommand } from '../../src/machine/qemu.ts';

const plan: MachinePlan = {
  name: 'node1',
  cpus: 4,
  memoryMiB: 2048,
  counterKhz: 2_600_000,
  kernel: '/base/vmlinuz',
  initrd: '/base/initrd.gz',
  disks: [
    { file: '/run/root.qcow2', format: 'qcow2' },
    { file: '/run/agents', format: 'raw', readOnly: true },
  ],
  address: '10.216.3.11/24',
  gateway: '10.216.3.1',
  mac: '52:54:00:d8:03:0b',
  tap: 'tap-node1',
  agentSocket: '/run/agent.sock',
  controlSocket: '/run/qmp.sock',
  consoleFile: '/run/console.log',
};

describe('the addresses of machines', () => {
  it('differ between spaces and between machines of one space', () => {
    expect(planLan(3)).toEqual({ gateway: '10.216.3.1', cidr: '10.216.3.0/24' });
    expect(planMember(3, 0)).toEqual({
      address: '10.216.3.11',
      mac: '52:54:00:d8:03:0b',
      podCidr: '10.217.3.0/28',
    });
    expect(planMember(3, 1)).toMatchObject({ address: '10.216.3.12', podCidr: '10.217.3.16/28' });
  });
});

describe('the command of a machine', () => {
  it('gives the system its name, address and the rate of its clock', () => {
    const command = qemuCommand(plan);
    const words = command[command.indexOf('-append') + 1]?.split(' ');
    expect(words).toContain('systemd.hostname=node1');
    expect(words).toContain('tsc_early_khz=2600000');
    expect(words).toContain('nodeagent.address=10.216.3.11/24');
    expect(words).toContain('nodeagent.gateway=10.216.3.1');
  });

  it('keeps the root disk first, and shared disks unchanged', () => {
    const command = qemuCommand(plan);
    const drives = command.filter((_, i) => command[i - 1] === '-drive');
    expect(drives).toEqual([
      'if=virtio,format=qcow2,file=/run/root.qcow2,readonly=off',
      'if=virtio,format=raw,file=/run/agents,readonly=on',
    ]);
  });

  it.each([
    [4, ['node,nodeid=0,memdev=ram0,cpus=0-1', 'node,nodeid=1,memdev=ram1,cpus=2-3']],
    [1, []],
  ])('has two NUMA nodes if there are processors for them: %i', (cpus, nodes) => {
    const command = qemuCommand({ ...plan, cpus });
    expect(command.filter((_, i) => command[i - 1] === '-numa')).toEqual(nodes);
  });
});
