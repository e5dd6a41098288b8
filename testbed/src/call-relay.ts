import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Stands between a gRPC client and its server on unix sockets, and can answer for the server. */
export interface CallRelay {
  /** `unix://…`: where the client connects. */
  readonly endpoint: string;
  /**
   * From now on such calls end with this error, and the server does not learn of them.
   *
   * @returns ends it
   */
  fail(call: FailingCall): () => void;
  stop(): Promise<void>;
}

export interface FailingCall {
  /** The last part of its path: `PullImage`. */
  readonly method: string;
  /** Words of the request: of the calls of this method only those fail that hold them. */
  readonly about: string;
  /** What the client is told; the code is UNKNOWN, as of a Go server's plain error. */
  readonly message: string;
}

const UNKNOWN = '2';

/** @param path where to listen; a short one: the kernel takes 107 bytes */
export async function startCallRelay(path: string, target: string): Promise<CallRelay> {
  const failing = new Set<FailingCall>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (near) => {
    const far = connectHttp2('http://localhost', { createConnection: () => connect(target) });
    sessions.add(near);
    // Each side's end or failure, whichever it is, is the other's end.
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.once('close', () => other.destroy());
    }
    near.once('close', () => sessions.delete(near));
    near.on('stream', (stream, headers) => {
      relay(stream, headers, { far, failing }).catch(() => stream.close(constants.NGHTTP2_CANCEL));
    });
  });
  server.unref();
  server.listen(path);
  await once(server, 'listening');
  return {
    endpoint: `unix://${path}`,
    fail: (call) => {
      failing.add(call);
      return () => void failing.delete(call);
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

interface Sides {
  readonly far: ClientHttp2Session;
  readonly failing: ReadonlySet<FailingCall>;
}

/** One call; requests are read whole, as those of all calls without a stream of them may be. */
async function relay(
  near: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { far, failing }: Sides,
): Promise<void> {
  near.on('error', () => undefined); // its client is gone
  const request = await buffer(near);
  const method = headers[':path']?.split('/').at(-1);
  const failure = [...failing].find(
    (call) => call.method === method && request.includes(call.about),
  );
  if (failure !== undefined) {
    near.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': UNKNOWN,
        'grpc-message': encodeURI(failure.message),
      },
      { endStream: true },
    );
    return;
  }
  const call = far.request(headers);
  near.once('close', () => call.close(constants.NGHTTP2_CANCEL));
  call.on('error', () => near.close(constants.NGHTTP2_CANCEL));
  let trailers: IncomingHttpHeaders = {};
  call.once('trailers', (last) => (trailers = last));
  call.once('response', (answer, flags) => {
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    near.respond(answer, { endStream, waitForTrailers: !endStream });
    if (!endStream) call.pipe(near);
  });
  near.once('wantTrailers', () => near.sendTrailers(trailers));
  call.end(request);
}
