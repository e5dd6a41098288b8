/** The user namespace that the machine starts with, which has every id. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Tells whether tmpfs has the option `noswap`, which keeps its content off the disk. A vendor may have
 * brought it to an older kernel: only a mount can tell.
 *
 * @param kernel its release: `6.1.0-21-amd64`
 * @param uidMap content of `/proc/self/uid_map`; undefined if the kernel has no user namespaces. In
 *   one of these the kernel refuses the option.
 * @see tmpfs(5): since Linux 6.4; Kubernetes 1.36 pkg/kubelet/util/swap/swap_util.go
 */
export function tmpfsNoswap(kernel: string, uidMap: string | undefined): 'yes' | 'no' | 'unknown' {
  if (uidMap !== undefined && !ALL_IDS.test(uidMap)) return 'no';
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 4) ? 'yes' : 'unknown';
}
