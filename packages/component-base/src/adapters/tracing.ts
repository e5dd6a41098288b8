import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { Clock, Logger, SpanSpec, Tracer } from '@nodeagent/base';

import { encodeSpans, type EndedSpan, type SpanSource } from '../codec/otlp.js';

/** The collector and the share of traces that it gets. */
export interface TracingOptions extends SpanSource {
  /** A collector of OTLP over gRPC without TLS: `host:port`, `dns:…`, `unix:…`. */
  readonly endpoint: string;
  /** Sampling rate: traces recorded per million. A recorded trace has all its parts. */
  readonly samplingRatePerMillion: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ExportingTracer extends Tracer {
  /** Returns headers by which another program continues the trace; none outside of a span. */
  headers(): Readonly<Record<string, string>>;
  /** Exports ended spans periodically and once more at the end; ends with the signal. */
  run(signal: AbortSignal): Promise<void>;
}

/** @see OpenTelemetry specification, batch span processor */
const EXPORT_EVERY_MS = 5000;
const MOST_QUEUED = 2048;
const MOST_AT_A_TIME = 512;
const EXPORT_MS = 10_000;
const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

interface Current {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly isSampled: boolean;
}

/**
 * Exports spans by OTLP. Spans that the collector does not accept are dropped: at most 2,048 spans
 * wait, and tracing never delays the work it measures.
 */
export function createOtlpTracer(options: TracingOptions): ExportingTracer {
  const { clock, log, samplingRatePerMillion } = options;
  const active = new AsyncLocalStorage<Current>();
  const queue: EndedSpan[] = [];

  const begin = (): Current & Readonly<{ parentId: Buffer | undefined }> => {
    const parent = active.getStore();
    const traceId = parent?.traceId ?? randomBytes(16);
    const isSampled = parent?.isSampled ?? isChosen(traceId, samplingRatePerMillion);
    return { traceId, spanId: randomBytes(8), isSampled, parentId: parent?.spanId };
  };

  async function span<T>({ name, kind, attributes }: SpanSpec, work: () => Promise<T>): Promise<T> {
    const { parentId, ...current } = begin();
    if (!current.isSampled) return active.run(current, work);
    const startNs = BigInt(Math.round(clock.nowMs() * 1000)) * 1000n;
    const startMs = clock.monotonicMs();
    let error: string | undefined;
    try {
      return await active.run(current, work);
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
      throw cause;
    } finally {
      const tookNs = BigInt(Math.round((clock.monotonicMs() - startMs) * 1000)) * 1000n;
      const { traceId, spanId } = current;
      if (queue.length < MOST_QUEUED) {
        const endNs = startNs + tookNs;
        queue.push({ traceId, spanId, parentId, name, kind, startNs, endNs, attributes, error });
      }
    }
  }

  return {
    span,
    headers: () => {
      const current = active.getStore();
      if (current === undefined) return {};
      const { traceId, spanId, isSampled } = current;
      const ids = `${traceId.toString('hex')}-${spanId.toString('hex')}`;
      return { traceparent: `00-${ids}-${isSampled ? '01' : '00'}` };
    },
    run: async (signal) => {
      const client = new Client(options.endpoint, credentials.createInsecure(), {
        'grpc.enable_channelz': 0,
      });
      const send = async (): Promise<void> => {
        while (queue.length > 0) {
          const spans = queue.splice(0, MOST_AT_A_TIME);
          try {
            await exportSpans(client, encodeSpans(spans, options));
          } catch (err) {
            const { endpoint } = options;
            log.warn(
              { err, endpoint, spans: spans.length },
              'spans lost: the collector did not accept them',
            );
          }
        }
      };
      try {
        while ((await clock.sleep(EXPORT_EVERY_MS, signal)) === 'elapsed') await send();
        await send();
      } finally {
        client.close();
      }
    },
  };
}

/** Samples by the trace id, so that all programs decide alike. */
function isChosen(traceId: Buffer, perMillion: number): boolean {
  const number = traceId.readBigUInt64BE(8) >> 1n;
  return number < ((1n << 63n) * BigInt(perMillion)) / 1_000_000n;
}

function exportSpans(client: Client, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const same = (message: Buffer): Buffer => message;
    client.makeUnaryRequest(
      METHOD,
      same,
      same,
      request,
      new Metadata(),
      { deadline: Date.now() + EXPORT_MS },
      (error) => (error === null ? resolve() : reject(error)),
    );
  });
}
