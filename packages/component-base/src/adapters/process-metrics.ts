import { readdirSync, readFileSync } from 'node:fs';

import * as prometheus from 'prom-client';

/**
 * The page size of distribution kernels on x86-64 and arm64; only the size of the address space is
 * measured in pages.
 */
const PAGE_BYTES = 4096;

/**
 * Registers the `process_*` metrics that Prometheus' clients report for every process on Linux,
 * under the same names. Values are read at each scrape.
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
  gauge(
    'process_start_time_seconds',
    'Start time of this process, in seconds since 1970.',
    () => startedAt,
  );
  gauge('process_resident_memory_bytes', 'Resident memory, in bytes.', () =>
    process.memoryUsage.rss(),
  );
  gauge('process_virtual_memory_bytes', 'Size of the address space, in bytes.', () => {
    return PAGE_BYTES * Number.parseInt(readFileSync('/proc/self/statm', 'utf8'), 10);
  });
  gauge('process_open_fds', 'Number of open files.', () => readdirSync('/proc/self/fd').length);
  gauge('process_max_fds', 'Maximum number of open files.', () => {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files +(\S+)/m.exec(limits)?.[1];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  });
}

/**
 * Registers the version as a metric that is always 1.
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
