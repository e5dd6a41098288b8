import type { KubeletConfig } from '../../config/index.js';
import type { RuntimeSettings } from '../../runtime/index.js';
import { loopbacksOf } from '../../runtime/index.js';
import type { WholeIdentity } from '../model/identity.js';
import { containerLogsDir } from '../model/log-paths.js';
import type { NodeMachine } from '../model/machine.js';
import { memoryQosRules } from './memory-qos-rules.js';

/** Settings for creating containers, from this machine and the configuration. */
export function runtimeSettings(
  config: KubeletConfig,
  { rootDir, nodeIps }: Pick<WholeIdentity, 'rootDir' | 'nodeIps'>,
  {
    memoryBytes,
    cgroupVersion,
    runtime,
  }: Pick<NodeMachine, 'memoryBytes' | 'cgroupVersion' | 'runtime'>,
): RuntimeSettings {
  const { limitsSwap, swapBytes } = runtime;
  const swap = (cgroupVersion === 2 ? limitsSwap.v2 : limitsSwap.v1)
    ? ({ cgroups: cgroupVersion, behavior: config.swapBehavior, swapBytes } as const)
    : undefined;
  const oomGroup = cgroupVersion === 2 && !config.singleProcessOomKill;
  return {
    podLogsDir: config.podLogsDir,
    containerLogsDir: containerLogsDir(config),
    clusterDomain: config.clusterDomain,
    clusterDns: config.clusterDNS,
    resolvConfPath: config.resolvConfPath,
    loopbacks: loopbacksOf(nodeIps),
    cpuCfsQuota: config.cpuCFSQuota,
    cpuPeriodUs: config.cpuCfsQuotaPeriodMs * 1000,
    memoryCapacityBytes: memoryBytes,
    unified: oomGroup ? { 'memory.oom.group': '1' } : {},
    seccompDefault: config.seccompDefault,
    seccompDir: `${rootDir}/seccomp`,
    maskedPaths: runtime.maskedPaths,
    selinux: runtime.selinux,
    hugepageKib: runtime.hugepageKib,
    ...(swap !== undefined && { swap }),
    memoryQos: memoryQosRules(config, { memoryBytes, cgroupVersion }),
    stopSignals: config.features.ContainerStopSignals,
  };
}
