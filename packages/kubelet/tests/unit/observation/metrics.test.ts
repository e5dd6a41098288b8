import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { describe, expect, it } from 'vitest';

import { createRuntimeView } from '../../../src/observation/run/index.js';
import { meterCri } from '../../../src/runtime/run/index.js';

const { signal } = new AbortController();
const config = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };

describe(meterCri, () => {
  it('counts and measures calls by operation, and passes everything on', async () => {
    const clock = new ManualClock();
    const metrics = new MemoryMetrics();
    const memory = new MemoryRuntime({ clock });
    const { runtime, images } = meterCri(
      { runtime: memory, images: memory.images },
      { metrics, clock },
    );
    memory.calls.delay('runPodSandbox', 300);
    const made = runtime.runPodSandbox({ config, runtimeHandler: '' }, signal);
    await clock.advance(300);
    const id = await made;
    expect(await runtime.listPodSandbox({}, signal)).toMatchObject([{ id }]);
    expect(await images.imageStatus({ image: 'none' }, signal)).toBeUndefined();
    memory.calls.failNext('stopPodSandbox', 'CRI_UNAVAILABLE');
    await expect(runtime.stopPodSandbox(id, signal)).rejects.toMatchObject({
      code: 'CRI_UNAVAILABLE',
    });
    const total = 'kubelet_runtime_operations_total';
    expect(Object.fromEntries(metrics.values)).toEqual({
      [`${total}{operation_type="run_podsandbox"}`]: 1,
      [`${total}{operation_type="list_podsandbox"}`]: 1,
      [`${total}{operation_type="image_status"}`]: 1,
      [`${total}{operation_type="stop_podsandbox"}`]: 1,
      'kubelet_runtime_operations_errors_total{operation_type="stop_podsandbox"}': 1,
    });
    const took = 'kubelet_runtime_operations_duration_seconds{operation_type="run_podsandbox"}';
    expect(metrics.observations.get(took)).toEqual([0.3]);
    const sandbox = 'kubelet_run_podsandbox_duration_seconds{runtime_handler=""}';
    expect(metrics.observations.get(sandbox)).toEqual([0.3]);
  });
});

describe(createRuntimeView, () => {
  it('reports the objects in the runtime, and the duration of lists', async () => {
    const clock = new ManualClock();
    const metrics = new MemoryMetrics();
    const cri = new MemoryRuntime({ clock });
    await cri.runPodSandbox({ config }, signal);
    const end = new AbortController();
    const { view } = createRuntimeView({
      ...{ cri, clock, metrics, log: new MemoryLogger() },
      files: { readTail: async () => '' },
      streams: false,
      stopSignals: false,
    });
    const running = view.onChange(() => undefined, end.signal);
    await clock.advance(1000);
    end.abort(new Error('the test ends'));
    await running;
    expect(metrics.values.get('kubelet_running_pods')).toBe(1);
    expect(metrics.values.get('kubelet_running_containers{container_state="running"}')).toBe(0);
    expect(metrics.observations.get('kubelet_pleg_relist_interval_seconds')).toEqual([1]);
    expect(metrics.observations.get('kubelet_pleg_relist_duration_seconds')).toEqual([0, 0]);
  });
});
