import { runCommand } from '../command.ts';
import { createNodeSpace, type NodeSpace } from '../node-space.ts';
import { planLan, planMember } from './lan.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';

/** Virtual machines on one network, with a space for the programs beside them. */
export interface Machines {
  /** Its programs reach the machines, and the machines reach them at `space.network.nodeIp`. */
  readonly space: NodeSpace;
  /** Builds the base image if there is none, and boots a machine of it. */
  boot(options: MachineOptions): Promise<Machine>;
  /** Switches all of them off, and removes every trace. */
  remove(): Promise<void>;
}

/**
 * Makes the network. It needs root, Debian's `debootstrap`, `qemu-system-x86` and `qemu-utils`, and
 * no KVM: the processors are emulated, so that a machine starts in half a minute.
 */
export async function createMachines(name = 'machines'): Promise<Machines> {
  const space = await createNodeSpace({ name, ipFamilies: ['ipv4'] });
  try {
    const lan = planLan(space.index);
    await space.run(['ip', 'link', 'add', 'lan', 'type', 'bridge']);
    await space.run(['ip', 'addr', 'add', `${lan.gateway}/24`, 'dev', 'lan']);
    await space.run(['ip', 'link', 'set', 'lan', 'up']);
    const { id, network } = space;
    await runCommand(['ip', 'route', 'add', lan.cidr, 'via', network.nodeIp, 'dev', id]);
    let count = 0;
    return {
      space,
      boot: async (options) => {
        const member = planMember(space.index, count++);
        const route = [member.podCidr, 'via', member.address];
        await space.run(['ip', 'route', 'add', ...route]);
        return bootMachine({ space, member, gateway: lan.gateway }, options);
      },
      remove: () => space.remove(),
    };
  } catch (error) {
    await space.remove();
    throw error;
  }
}
