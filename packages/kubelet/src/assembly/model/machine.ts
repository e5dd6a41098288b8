import type { RuntimeMachine } from '../../runtime/index.js';
import type { ContainerLabels } from '../../selinux/index.js';

/** Facts about the machine that stay the same while the kubelet runs. */
export interface NodeMachine {
  readonly hostName: string;
  readonly cpuCount: number;
  /** Numbers of the CPUs that can run processes. */
  readonly onlineCpus: ReadonlySet<number>;
  readonly memoryBytes: number;
  /** Files and devices that the kernel swaps to; empty if swap is off. */
  readonly swapAreas: readonly string[];
  /** Major and minor version of the kernel. */
  readonly kernel: readonly [major: number, minor: number];
  readonly cgroupVersion: 1 | 2;
  /** True if the kernel enforces AppArmor profiles. */
  readonly appArmor: boolean;
  /** Facts that affect how containers are created. */
  readonly runtime: RuntimeMachine;
  /** Labels of containers; undefined without SELinux. */
  readonly selinux: ContainerLabels | undefined;
  /**
   * Ranges that `getsubids` reports for the user `kubelet`; undefined without that user or program.
   */
  readonly subIds: Readonly<{ uids: string; gids: string }> | undefined;
}
