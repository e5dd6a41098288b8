import { Buffer } from 'node:buffer';

/** A span that has ended. */
export interface EndedSpan {
  /** 16 bytes. */
  readonly traceId: Buffer;
  /** 8 bytes. */
  readonly spanId: Buffer;
  /** Undefined for the first span of its trace. */
  readonly parentId: Buffer | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** Nanoseconds since the Unix epoch. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** The reason why the work failed; undefined when it succeeded. */
  readonly error: string | undefined;
}

export interface SpanSource {
  /** Attributes of the program, e.g. `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  /** The name of the code that makes the spans. */
  readonly scope: string;
}

const KIND = { internal: 1, client: 3 } as const;
const STATUS_ERROR = 2;
const SAMPLED = 1;

/**
 * Encodes an ExportTraceServiceRequest of OTLP.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto, trace/v1/trace.proto
 */
export function encodeSpans(spans: readonly EndedSpan[], { resource, scope }: SpanSource): Buffer {
  const scopeSpans = [
    bytes(1, bytes(1, Buffer.from(scope))),
    ...spans.map((span) => bytes(2, encodeSpan(span))),
  ];
  const resourceSpans = [
    bytes(1, Buffer.concat(encodeAttributes(1, resource))),
    bytes(2, Buffer.concat(scopeSpans)),
  ];
  return bytes(1, Buffer.concat(resourceSpans));
}

function encodeSpan(span: EndedSpan): Buffer {
  const { parentId, error } = span;
  return Buffer.concat([
    bytes(1, span.traceId),
    bytes(2, span.spanId),
    ...(parentId === undefined ? [] : [bytes(4, parentId)]),
    bytes(5, Buffer.from(span.name)),
    varintField(6, KIND[span.kind]),
    fixed64(7, span.startNs),
    fixed64(8, span.endNs),
    ...encodeAttributes(9, span.attributes),
    ...(error === undefined
      ? []
      : [bytes(15, Buffer.concat([bytes(2, Buffer.from(error)), varintField(3, STATUS_ERROR)]))]),
    fixed32(16, SAMPLED),
  ]);
}

function encodeAttributes(
  field: number,
  attributes: Readonly<Record<string, string | number>>,
): readonly Buffer[] {
  return Object.entries(attributes).map(([key, value]) => {
    const any = typeof value === 'string' ? bytes(1, Buffer.from(value)) : varintField(3, value);
    return bytes(field, Buffer.concat([bytes(1, Buffer.from(key)), bytes(2, any)]));
  });
}

/** Wire types of protobuf. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | BYTES), varint(content.length), content]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
}

function fixed64(field: number, value: bigint): Buffer {
  const content = Buffer.alloc(8);
  content.writeBigUInt64LE(value);
  return Buffer.concat([varint((field << 3) | FIXED64), content]);
}

function fixed32(field: number, value: number): Buffer {
  const content = Buffer.alloc(4);
  content.writeUInt32LE(value);
  return Buffer.concat([varint((field << 3) | FIXED32), content]);
}

/** @param value must not be negative */
function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  while (left >= 0x80) {
    out.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  out.push(left);
  return Buffer.from(out);
}
