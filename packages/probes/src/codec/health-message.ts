import { Buffer } from 'node:buffer';

/** Values of grpc.health.v1.HealthCheckResponse.ServingStatus, by number. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

const SERVICE_TAG = (1 << 3) | 2; // service = 1, length-delimited
const STATUS_TAG = (1 << 3) | 0; // status = 1, varint

/** Encodes grpc.health.v1.HealthCheckRequest in protobuf. */
export function encodeHealthRequest(service: string): Buffer {
  const text = Buffer.from(service, 'utf8');
  if (text.length === 0) return text;
  return Buffer.concat([Buffer.from([SERVICE_TAG, ...varint(text.length)]), text]);
}

/**
 * Returns the status in a grpc.health.v1.HealthCheckResponse: its name, or its number if it has no
 * name. Unknown fields are skipped.
 *
 * @returns undefined when the bytes are not a protobuf message
 */
export function decodeHealthResponse(bytes: Buffer): string | undefined {
  let status = 0;
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  const skip: Readonly<Record<number, () => void>> = {
    0: next,
    1: () => (at += 8),
    2: () => {
      const length = next(); // advances `at` itself
      at += length;
    },
    5: () => (at += 4),
  };
  while (at < bytes.length) {
    const tag = next();
    if (tag === STATUS_TAG) status = next();
    else skip[tag % 8]?.();
    if (Number.isNaN(status) || !(at <= bytes.length) || skip[tag % 8] === undefined) {
      return undefined;
    }
  }
  return STATUSES[status] ?? String(status);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) + 0x80);
  return [...bytes, value];
}
