import type { Pod } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../../pod/index.js';
import type { SysctlRules } from '../model/context.js';

type Namespace = 'IPC' | 'Net';

/** The safe parameters, each with the first kernel that namespaces it. */
const SAFE: readonly (readonly [name: string, since: readonly [number, number]])[] = [
  ['kernel.shm_rmid_forced', [0, 0]],
  ['net.ipv4.ip_local_port_range', [0, 0]],
  ['net.ipv4.tcp_syncookies', [0, 0]],
  ['net.ipv4.ping_group_range', [0, 0]],
  ['net.ipv4.ip_unprivileged_port_start', [0, 0]],
  ['net.ipv4.ip_local_reserved_ports', [3, 16]],
  ['net.ipv4.tcp_keepalive_time', [4, 5]],
  ['net.ipv4.tcp_fin_timeout', [4, 6]],
  ['net.ipv4.tcp_keepalive_intvl', [4, 5]],
  ['net.ipv4.tcp_keepalive_probes', [4, 5]],
  ['net.ipv4.tcp_rmem', [4, 15]],
  ['net.ipv4.tcp_wmem', [4, 15]],
];

const IPC: ReadonlySet<string> = new Set([
  'kernel.sem',
  'kernel.shm',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.msg',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
]);

/**
 * Refuses a parameter that is neither safe nor allowed, since it could affect more than the pod.
 *
 * @see Kubernetes 1.36 pkg/kubelet/sysctl/allowlist.go
 */
export function refuseForSysctls(pod: Pod, rules: SysctlRules): FailureVerdict | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const problem = problemOf(normalised(name), pod, rules);
    if (problem !== undefined) {
      return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}` };
    }
  }
  return undefined;
}

function problemOf(name: string, { spec }: Pod, rules: SysctlRules): string | undefined {
  const namespace = isAllowed(name, rules) ? namespaceOf(name) : undefined;
  if (namespace === undefined) return `"${name}" not allowlisted`;
  const isHost = namespace === 'Net' ? spec?.hostNetwork === true : spec?.hostIPC === true;
  return isHost ? `"${name}" not allowed with host ${namespace} enabled` : undefined;
}

function isAllowed(name: string, { kernel, allowedUnsafe }: SysctlRules): boolean {
  const [major, minor] = kernel;
  const isSafe = SAFE.some(
    ([safe, [a, b]]) => safe === name && (major > a || (major === a && minor >= b)),
  );
  return (
    isSafe ||
    allowedUnsafe.some((entry) => {
      const allowed = normalised(entry);
      return allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed;
    })
  );
}

function namespaceOf(name: string): Namespace | undefined {
  if (name.startsWith('net.')) return 'Net';
  const isIpc = name.startsWith('fs.mqueue.') || /^kernel\.(sem$|shm|msg)/.test(name);
  return isIpc ? 'IPC' : undefined;
}

/**
 * `net/ipv4/conf/eth0.1/x` and `net.ipv4.conf.eth0/1.x` are the same: the first separator decides.
 */
function normalised(name: string): string {
  const at = name.search(/[./]/);
  if (at < 0 || name[at] === '.') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}

/** Checks an entry of `allowedUnsafeSysctls`: only namespaced parameters may be allowed. */
export function unsafeSysctlProblem(entry: string): string | undefined {
  const name = normalised(entry).replace(/\*$/, '');
  if (IPC.has(name) || name.startsWith('fs.mqueue.') || name.startsWith('net.')) return undefined;
  return `the sysctls ${JSON.stringify(entry)} are not known to be namespaced`;
}
