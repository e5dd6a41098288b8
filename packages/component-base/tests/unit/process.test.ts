import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { createPrometheusMetrics, readConfigFile } from '../../src/adapters/process.js';

describe(createPrometheusMetrics, () => {
  it('renders measurements, one metric per name', async () => {
    const metrics = createPrometheusMetrics();
    const spec = { name: 'demo_total', help: 'Demo.', labelNames: ['code'] };
    metrics.counter(spec).increment({ code: '200' });
    metrics.counter(spec).increment({ code: '200' }, 2);
    metrics.gauge({ name: 'demo_pods', help: 'Pods.' }).set(4);
    metrics.histogram({ name: 'demo_seconds', help: 'Time.', buckets: [0.1, 1] }).observe(0.5);
    const text = await metrics.render();
    expect(text).toContain('demo_total{code="200"} 3');
    expect(text).toContain('demo_pods 4');
    expect(text).toContain('demo_seconds_bucket{le="1"} 1');
    expect(text).not.toContain('process_');
  });

  it('reports metrics of the process itself on request', async () => {
    const metrics = createPrometheusMetrics({ processVersion: 'v1.36.0' });
    const valueOf = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics.render())?.[1]);
    expect(await valueOf('process_resident_memory_bytes')).toBeGreaterThan(10 << 20);
    expect(await valueOf('process_virtual_memory_bytes')).toBeGreaterThan(
      await valueOf('process_resident_memory_bytes'),
    );
    expect(await valueOf('process_open_fds')).toBeGreaterThan(2);
    expect(await valueOf('process_max_fds')).toBeGreaterThan(await valueOf('process_open_fds'));
    const started = await valueOf('process_start_time_seconds');
    expect(started * 1000).toBeLessThan(Date.now());
    expect(started).toBeGreaterThan(1.6e9);
    const before = await valueOf('process_cpu_seconds_total');
    expect(await valueOf('process_cpu_seconds_total')).toBeGreaterThanOrEqual(before);
    expect(before).toBeGreaterThan(0);
    expect(await metrics.render()).toMatch(
      /^kubernetes_build_info\{major="1",minor="36",git_version="v1.36.0",platform="linux\/\w+"\} 1$/m,
    );
  });
});

describe(readConfigFile, () => {
  const wanted = { apiVersions: ['demo.k8s.io/v1'], kind: 'DemoConfiguration' };

  it('names a missing file in the error', async () => {
    await expect(readConfigFile('/nowhere/a.yaml', wanted)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringMatching(/^\/nowhere\/a\.yaml: ENOENT/),
    });
  });

  it('reads the file', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'component-base-')), 'a.yaml');
    await writeFile(path, 'apiVersion: demo.k8s.io/v1\nkind: DemoConfiguration\n');
    await expect(readConfigFile(path, wanted)).resolves.toMatchObject({ warnings: [] });
  });
});
