import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';

import { createDriver, CsiError, type Driver, grpcNumber, isCsiError, NODE } from '@nodeagent/csi';

type Call = keyof typeof NODE;

/** @param reply the right answer, if the driver works */
export type UnkindAnswer = (stream: ServerHttp2Stream, reply: Buffer) => void;

/** An answer to a call of the node service, in place of the right one. */
export interface Unkind {
  /** The driver does its work before it answers. */
  readonly works: boolean;
  readonly answer: UnkindAnswer;
}

export interface UnkindDriver {
  /** By the call that gets it; other calls are answered rightly. */
  readonly unkind: Map<Call, Unkind>;
  close(): Promise<void>;
}

/** Ends a call in gRPC's words. */
export function endCall(stream: ServerHttp2Stream, status: number, detail: string): void {
  stream.respond(
    { ...HEADERS, 'grpc-status': String(status), 'grpc-message': detail },
    { endStream: true },
  );
}

/** Answers a call with one message of these bytes. */
export function sendMessage(stream: ServerHttp2Stream, bytes: Uint8Array): void {
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  stream.end(Buffer.concat([prefix, bytes]));
}

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

const LONG = 'x'.repeat(1 << 20);

/** Answers that no caller can take for a success. */
export const BROKEN_ANSWERS: readonly (readonly [string, UnkindAnswer])[] = [
  ['bytes that are no message', (stream) => sendMessage(stream, Buffer.alloc(64, 0xff))],
  ['a message of 17 MiB', (stream) => sendMessage(stream, Buffer.alloc(17 << 20))],
  ['a status without a meaning', (stream) => endCall(stream, 99, 'what')],
  ['a status with a text of 1 MiB', (stream) => endCall(stream, 13, LONG)],
  ['success without a message', (stream) => endCall(stream, 0, '')],
  [
    'a page of a web server',
    (stream) => {
      stream.respond({ ':status': 500, 'content-type': 'text/html' });
      stream.end('<html>');
    },
  ],
  [
    'half of a message',
    (stream) => {
      stream.respond(HEADERS);
      stream.end(Buffer.from([0, 0, 0, 1, 0, 1]));
    },
  ],
  [
    'compressed bytes without a name of their format',
    (stream) => {
      stream.respond(HEADERS);
      stream.end(Buffer.from([1, 0, 0, 0, 1, 1]));
    },
  ],
  ['the end of its process', (stream) => stream.session?.destroy()],
  [
    'the end of its process after its headers',
    (stream) => {
      stream.respond(HEADERS);
      stream.session?.destroy();
    },
  ],
];

/** Serves a driver's node service by HTTP/2 itself, so that an answer may be anything. */
export async function serveUnkindly(driver: Driver, socketPath: string): Promise<UnkindDriver> {
  const handlers = createDriver(driver).node;
  const unkind: UnkindDriver['unkind'] = new Map();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  const forever = new AbortController().signal;
  const carryOut = async (call: Call, body: Buffer): Promise<Buffer> => {
    const { request, reply } = NODE[call];
    // The table pairs each call with its messages.
    const work = handlers[call] as unknown as (of: unknown, at: AbortSignal) => Promise<object>;
    return reply.encode(await work(request.decode(body.subarray(5)), forever));
  };
  server.on('session', (session) => {
    sessions.add(session.on('error', () => undefined));
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined); // an unkind answer may break its stream
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const found = Object.entries(NODE).find(([, { name }]) => `/${name}` === headers[':path']);
      if (found === undefined) return endCall(stream, 12, 'no such call');
      const call = found[0] as Call;
      const bad = unkind.get(call);
      const work = bad?.works === false ? Buffer.alloc(0) : carryOut(call, Buffer.concat(chunks));
      Promise.resolve(work).then(
        (reply) => {
          if (stream.destroyed) return; // its caller has gone
          if (bad === undefined) sendMessage(stream, reply);
          else bad.answer(stream, reply);
        },
        (error: unknown) => {
          const failure = isCsiError(error) ? error : new CsiError('CSI_INTERNAL', String(error));
          if (!stream.destroyed) endCall(stream, grpcNumber(failure) ?? 13, failure.detail);
        },
      );
    });
  });
  await new Promise<void>((listens) => server.listen(socketPath, listens));
  return {
    unkind,
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
