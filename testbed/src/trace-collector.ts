import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';

/**
 * Collects the traces that programs export by OpenTelemetry's protocol (OTLP over gRPC), without
 * decoding them.
 */
export interface TraceCollector {
  /** The value of `tracing.endpoint`. */
  readonly endpoint: string;
  /** Export requests, without gRPC's frame. */
  readonly requests: readonly Buffer[];
  stop(): Promise<void>;
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/** A flag and the length before each message. */
const FRAME_BYTES = 5;
const UNIMPLEMENTED = '12';

/** @param socket its path: programs in other network namespaces can reach it too */
export async function startTraceCollector(socket: string): Promise<TraceCollector> {
  const requests: Buffer[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined); // the client is gone
    stream.once('end', () => {
      const isExport = headers[':path'] === EXPORT;
      if (isExport) requests.push(Buffer.concat(chunks).subarray(FRAME_BYTES));
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc+proto' },
        { waitForTrailers: true },
      );
      stream.once('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': isExport ? '0' : UNIMPLEMENTED });
      });
      stream.end(Buffer.alloc(FRAME_BYTES));
    });
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    endpoint: `unix:${socket}`,
    requests,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}
