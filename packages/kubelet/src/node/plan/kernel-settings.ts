/** A setting below `/proc/sys`, by its path there. */
export interface KernelSetting {
  readonly name: string;
  readonly value: number;
}

/**
 * Settings that a node needs: containers may promise each other more memory than there is, a want of
 * memory kills a process instead of the machine, a machine whose kernel is damaged starts again, and
 * there are enough keys for the containers of many pods.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables
 */
export const KERNEL_SETTINGS: readonly KernelSetting[] = [
  { name: 'vm/overcommit_memory', value: 1 },
  { name: 'vm/panic_on_oom', value: 0 },
  { name: 'kernel/panic', value: 10 },
  { name: 'kernel/panic_on_oops', value: 1 },
  { name: 'kernel/keys/root_maxkeys', value: 1_000_000 },
  { name: 'kernel/keys/root_maxbytes', value: 25_000_000 },
];
