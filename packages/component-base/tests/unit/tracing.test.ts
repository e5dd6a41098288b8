import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { startTraceCollector, type TraceCollector } from '@nodeagent/testbed';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createOtlpTracer } from '../../src/adapters/tracing.js';

type Fields = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

/** Decodes any protobuf message by its field numbers. */
function decode(message: Buffer): Fields {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const list = fields.get(key >> 3) ?? [];
    fields.set(key >> 3, list);
    const type = key & 7;
    if (type === 0) {
      list.push(varint());
      continue;
    }
    const length = type === 2 ? Number(varint()) : type === 1 ? 8 : 4;
    list.push(message.subarray(at, at + length));
    at += length;
  }
  return fields;
}

const one = (fields: Fields, field: number): Buffer => fields.get(field)?.[0] as Buffer;
const all = (fields: Fields, field: number): readonly Fields[] =>
  (fields.get(field) ?? []).map((value) => decode(value as Buffer));

function attributesOf(fields: Fields, field: number): Record<string, unknown> {
  const entries = all(fields, field).map((pair): [string, unknown] => {
    const value = decode(one(pair, 2));
    return [String(one(pair, 1)), value.get(3)?.[0] ?? String(one(value, 1))];
  });
  return Object.fromEntries(entries);
}

let dir: string;
let collector: TraceCollector;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tracing-'));
  collector = await startTraceCollector(join(dir, 'otlp.sock'));
});
afterEach(async () => {
  await collector.stop();
  await rm(dir, { recursive: true, force: true });
});

function tracerOf(samplingRatePerMillion: number, endpoint = collector.endpoint) {
  const log = new MemoryLogger();
  const tracer = createOtlpTracer({
    ...{ endpoint, samplingRatePerMillion, log, clock: createSystemClock() },
    ...{ resource: { 'service.name': 'kubelet' }, scope: 'tests' },
  });
  const end = new AbortController();
  const running = tracer.run(end.signal);
  const flush = (): Promise<void> => {
    end.abort();
    return running;
  };
  return { tracer, flush, log };
}

const inner = { name: 'call', kind: 'client', attributes: { tries: 300, to: 'runtime' } } as const;
const outer = { name: 'work', kind: 'internal', attributes: {} } as const;

describe(createOtlpTracer, () => {
  it('exports spans with their durations and parents to a collector', async () => {
    const { tracer, flush } = tracerOf(1_000_000);
    const failing = () => Promise.reject(new Error('out of order'));
    const headers = await tracer.span(outer, async () => {
      await expect(tracer.span(inner, failing)).rejects.toThrow('out of order');
      return tracer.headers();
    });
    await flush();
    const [resourceSpans] = all(decode(collector.requests[0] ?? Buffer.alloc(0)), 1);
    const [resource] = all(resourceSpans as Fields, 1);
    expect(attributesOf(resource as Fields, 1)).toEqual({ 'service.name': 'kubelet' });
    const [scopeSpans] = all(resourceSpans as Fields, 2);
    const [call, work] = all(scopeSpans as Fields, 2) as [Fields, Fields];
    expect([call, work].map((span) => String(one(span, 5)))).toEqual(['call', 'work']);
    expect([call, work].map((span) => span.get(6)?.[0])).toEqual([3n, 1n]);
    expect(one(call, 1)).toEqual(one(work, 1));
    expect(one(call, 4)).toEqual(one(work, 2));
    expect(work.get(4)).toBeUndefined();
    expect(one(work, 1)).toHaveLength(16);
    expect(attributesOf(call, 9)).toEqual({ tries: 300n, to: 'runtime' });
    const [status] = all(call, 15) as [Fields];
    expect([String(one(status, 2)), status.get(3)?.[0]]).toEqual(['out of order', 2n]);
    expect(work.get(15)).toBeUndefined();
    const [start, end] = [7, 8].map((field) => one(work, field).readBigUInt64LE());
    expect(start).toBeGreaterThan(1_700_000_000_000_000_000n); // in nanoseconds of real time
    expect(end).toBeGreaterThanOrEqual(start ?? 0n);
    const ids = [1, 2].map((field) => one(work, field).toString('hex')).join('-');
    expect(headers).toEqual({ traceparent: `00-${ids}-01` });
  });

  it('exports neither an unsampled span nor its children', async () => {
    const { tracer, flush } = tracerOf(0);
    const headers = await tracer.span(outer, () =>
      tracer.span(inner, async () => tracer.headers()),
    );
    await flush();
    expect(collector.requests).toEqual([]);
    expect(headers).toMatchObject({ traceparent: expect.stringMatching(/-00$/) });
    expect(tracer.headers()).toEqual({});
  });

  it('drops spans that the collector does not accept', async () => {
    const { tracer, flush, log } = tracerOf(1_000_000, `unix:${join(dir, 'nobody')}`);
    expect(await tracer.span(outer, async () => 'done')).toBe('done');
    await flush();
    expect(log.lines.map(({ message }) => message)).toEqual([
      'spans lost: the collector did not accept them',
    ]);
  });
});
