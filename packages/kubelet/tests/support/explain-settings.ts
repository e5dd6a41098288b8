import type { ExplainSettings } from '../../src/explain/run/index.js';
import { DEFAULT_CRASH_LOOP_RULES } from '../../src/workers/index.js';

/** A node with ordinary settings. */
export const EXPLAIN_SETTINGS: ExplainSettings = {
  runtime: {
    podLogsDir: '/logs/pods',
    containerLogsDir: '/logs/containers',
    clusterDomain: 'cluster.local',
    clusterDns: ['10.96.0.10'],
    resolvConfPath: '',
    cpuCfsQuota: true,
    cpuPeriodUs: 100_000,
    memoryCapacityBytes: 8 * 2 ** 30,
    unified: {},
    seccompDefault: false,
    seccompDir: '/root/seccomp',
  },
  pulls: { concurrency: 1, qps: 0, burst: 0 },
  crashLoopRules: DEFAULT_CRASH_LOOP_RULES,
  cgroups: { driver: 'cgroupfs', root: '/' },
  rootDir: '/root',
  resolvConf: '',
};
