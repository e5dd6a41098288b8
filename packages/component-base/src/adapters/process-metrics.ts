import { readdirSync, readFileSync } from 'node:fs';

import * as prometheus from 'prom-client';

/** x86-64 and arm64 kernels of distributions; only the size of the address space is told in pages. */
const PAGE_BYTES = 4096;

/**
 * What Prometheus' clients tell of every process on Linux, by its names, read when it is asked for.
 *
 * @see proc_pid_statm(5), proc_pid_limits(5)
 */
export function addProcessMetrics(registry: prometheus.Registry): void {
  const registers = [registry];
  const startedAt = Date.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, read: () => number): void => {
    const metric: prometheus.Gauge = new prometheus.Gauge({
      name,
      help,
      registers,
      collect: () => metric.set(read()),
    });
  };
  const cpu: prometheus.Counter = new prometheus.Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of this process, in seconds.',
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  gauge('process_start_time_seconds', 'When this process began, since 1970.', () => startedAt);
  gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  gauge('process_virtual_memory_bytes', 'Size of the address space.', () => {
    return PAGE_BYTES * Number.parseInt(readFileSync('/proc/self/statm', 'utf8'), 10);
  });
  gauge('process_open_fds', 'Open files.', () => readdirSync('/proc/self/fd').length);
  gauge('process_max_fds', 'Most files that may be open.', () => {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files +(\S+)/m.exec(limits)?.[1];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  });
}

/**
 * The version as a metric that is always 1.
 *
 * @param version `v1.36.0`
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/metrics/prometheus/version/metrics.go
 */
export function addBuildInfo(registry: prometheus.Registry, version: string): void {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const labels = { major, minor, git_version: version, platform: `linux/${process.arch}` };
  const metric = new prometheus.Gauge({
    name: 'kubernetes_build_info',
    help: 'Version of this program, as labels.',
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  metric.set(labels, 1);
}
