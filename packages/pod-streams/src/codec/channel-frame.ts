import { Buffer } from 'node:buffer';

/**
 * Kubernetes' WebSocket sub-protocols, best first. In both, the first byte of a binary message is
 * the channel number; version 5 can also announce the end of a channel.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
 */
export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** One of {@link CHANNEL_PROTOCOLS}. */
export type ChannelProtocol = (typeof CHANNEL_PROTOCOLS)[number];

/** Channels of exec and attach sessions. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const;

/** In version 5: the second byte is the number of the channel that ends. */
const END_OF_CHANNEL = 255;

/**
 * A message is at most this long, so that a long one does not hold up the others. Go's servers refuse
 * messages of more than 32 MiB.
 */
const MAX_DATA_BYTES = 64 * 1024;

/** Returns data in messages of at most 64 KiB; none for no data. */
export function* encodeFrames(channel: number, data: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < data.length; at += MAX_DATA_BYTES) {
    yield encodeFrame(channel, data.subarray(at, at + MAX_DATA_BYTES));
  }
}

export function encodeFrame(channel: number, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(data.length + 1);
  frame[0] = channel;
  frame.set(data, 1);
  return frame;
}

export function encodeEndOfChannel(channel: number): Buffer {
  return Buffer.from([END_OF_CHANNEL, channel]);
}

export function encodeResize(columns: number, rows: number): Buffer {
  const size = JSON.stringify({ Width: columns, Height: rows });
  return encodeFrame(CHANNEL.resize, Buffer.from(size));
}

/**
 * The command's exit code, or the reason why the server could not report it: its text, and its
 * Status object if it sent one.
 */
export type SessionEnd =
  | Readonly<{ kind: 'exited'; exitCode: number }>
  | Readonly<{ kind: 'failed'; detail: string; status?: object }>;

/**
 * Parses the status channel's one message: a Kubernetes Status object as JSON. Any other text
 * becomes the detail of a failure.
 */
export function decodeSessionEnd(json: string): SessionEnd {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return { kind: 'failed', detail: json };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { kind: 'failed', detail: json };
  }
  const { status, reason, message, details } = fieldsOf(parsed);
  if (status === 'Success') return { kind: 'exited', exitCode: 0 };
  const { causes } = fieldsOf(details);
  const cause = (Array.isArray(causes) ? causes : []).map(fieldsOf).find(isExitCode);
  const text = typeof cause?.message === 'string' ? cause.message : '';
  if (reason === 'NonZeroExitCode' && /^-?\d{1,10}$/.test(text)) {
    return { kind: 'exited', exitCode: Number(text) };
  }
  return { kind: 'failed', detail: typeof message === 'string' ? message : json, status: parsed };
}

/** The fields read from a Status, its details and their causes. */
type StatusFields = Readonly<
  Partial<Record<'status' | 'reason' | 'message' | 'details' | 'causes', unknown>>
>;

function fieldsOf(value: unknown): StatusFields {
  return typeof value === 'object' && value !== null ? value : {};
}

function isExitCode({ reason }: StatusFields): boolean {
  return reason === 'ExitCode';
}

/** Port-forward sessions have two channels per port, in the order of the requested ports. */
export function portChannels(index: number): { readonly data: number; readonly error: number } {
  return { data: 2 * index, error: 2 * index + 1 };
}
