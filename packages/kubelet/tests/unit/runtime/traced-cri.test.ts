import type { SpanSpec, Tracer } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { describe, expect, it } from 'vitest';

import { traceCri } from '../../../src/runtime/run/traced-cri.js';

const { signal } = new AbortController();

describe(traceCri, () => {
  const spans: SpanSpec[] = [];
  const tracer: Tracer = {
    span: (spec, work) => {
      spans.push(spec);
      return work();
    },
  };
  const memory = new MemoryRuntime({ clock: new ManualClock() });
  const cri = traceCri({ runtime: memory, images: memory.images }, tracer);

  it('names calls after their methods', async () => {
    expect(await cri.runtime.listContainers({}, signal)).toEqual([]);
    await cri.images.listImages({}, signal);
    expect(spans.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'client runtime.v1.RuntimeService/ListContainers',
      'client runtime.v1.ImageService/ListImages',
    ]);
    expect(spans[0]?.attributes).toEqual({
      'rpc.system': 'grpc',
      'rpc.service': 'runtime.v1.RuntimeService',
      'rpc.method': 'ListContainers',
    });
  });

  it('does not trace streams', () => {
    const before = spans.length;
    expect(Symbol.asyncIterator in cri.runtime.containerEvents(signal)).toBe(true);
    expect(spans).toHaveLength(before);
  });
});
