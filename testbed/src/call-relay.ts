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

/**
 * A relay between a gRPC client and its server on unix sockets, which can answer in place of the
 * server.
 */
export interface CallRelay {
  /** `unix://…`: the client's endpoint. */
  readonly endpoint: string;
  /**
   * From now on, matching calls fail with this error and do not reach the server.
   *
   * @returns a function that ends the failures
   */
  fail(call: FailingCall): () => void;
  stop(): Promise<void>;
}

export interface FailingCall {
  /** The last part of the method's path: `PullImage`. */
  readonly method: string;
  /** Text in the request: only calls whose request contains it fail. */
  readonly about: string;
  /** The error message for the client; the code is UNKNOWN, as for a Go server's plain error. */
  readonly message: string;
}

const UNKNOWN = '2';

/** @param path the socket's path; keep it short: the kernel allows 107 bytes */
export async function startCallRelay(path: string, target: string): Promise<CallRelay> {
  const failing = new Set<FailingCall>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (near) => {
    const far = connectHttp2('http://localhost', { createConnection: () => connect(target) });
    sessions.add(near);
    // When one side ends or fails, end the other.
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

/**
 * Handles one call. Requests are read whole, which works for all calls without a request stream.
 */
async function relay(
  near: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { far, failing }: Sides,
): Promise<void> {
  near.on('error', () => undefined); // the client is gone
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
  call.once('trailers', (last: IncomingHttpHeaders) => (trailers = last));
  call.once('response', (answer, flags) => {
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    near.respond(answer, { endStream, waitForTrailers: !endStream });
    if (!endStream) call.pipe(near);
  });
  near.once('wantTrailers', () => near.sendTrailers(trailers));
  call.end(request);
}
