import type { RuntimeMachine } from '../../runtime/index.js';

/** Facts about the machine that hold for as long as the kubelet runs. */
export interface NodeMachine {
  readonly hostName: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** Major and minor version of the kernel. */
  readonly kernel: readonly [major: number, minor: number];
  readonly cgroupVersion: 1 | 2;
  /** Whether the kernel enforces AppArmor profiles. */
  readonly appArmor: boolean;
  /** What decides how containers are made. */
  readonly runtime: RuntimeMachine;
  /** Ranges that `getsubids` gives the user `kubelet`; undefined without such a user or program. */
  readonly subIds: Readonly<{ uids: string; gids: string }> | undefined;
}
