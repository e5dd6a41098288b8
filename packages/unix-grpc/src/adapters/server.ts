import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

import type { AnyMethod, HandlersOf, MethodTable } from '../model/method.js';
import { GRPC_STATUSES, type GrpcFailure } from '../model/status.js';
import { MAX_MESSAGE_BYTES } from './channel.js';

/** One service and its implementation; {@link service} creates it. */
export interface ServedService {
  readonly table: MethodTable;
  readonly handlers: Readonly<Record<string, Handler>>;
}

type Handler = (request: unknown, signal: AbortSignal) => unknown;

/** Joins a service's table with its implementation; the types of both are checked here. */
export function service<Table extends MethodTable>(
  table: Table,
  handlers: HandlersOf<Table>,
): ServedService {
  return { table, handlers };
}

/** The socket of a server, and what it serves. */
export interface ServerOptions {
  /** An absolute path, at most 107 bytes. A socket there without a listener is replaced. */
  readonly socketPath: string;
  readonly services: readonly ServedService[];
  /** Converts a handler's error to the answer. */
  readonly toFailure: (error: unknown, method: string) => GrpcFailure;
}

/** A server that accepts calls until it is closed. */
export interface RunningServer {
  /** Waits for current calls, at most `graceMs`, then ends them; removes the socket. */
  close(graceMs?: number): Promise<void>;
}

/** @throws when the path is not a socket, is in use by another server, or cannot be created */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { socketPath, services, toFailure } = options;
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  });
  for (const { table, handlers } of services) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(table)) {
      const handler = handlers[name];
      if (handler === undefined) continue; // grpc-js answers UNIMPLEMENTED
      definition[name] = definitionOf(method);
      implementation[name] =
        method.kind === 'unary'
          ? unaryHandler(method, handler, toFailure)
          : streamHandler(method, handler, toFailure);
    }
    server.addService(definition, implementation);
  }
  await removeStaleSocket(socketPath);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return { close: (graceMs = 5000) => stop(server, graceMs) };
}

function definitionOf({ kind, name, request, reply }: AnyMethod): ServiceDefinition[string] {
  return {
    path: `/${name}`,
    requestStream: false,
    responseStream: kind === 'stream',
    requestSerialize: (value: object) => request.encode(value),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (value: object) => reply.encode(value),
    responseDeserialize: (bytes) => reply.decode(bytes),
  };
}

function unaryHandler(
  { name }: AnyMethod,
  handler: Handler,
  toFailure: ServerOptions['toFailure'],
): UntypedServiceImplementation[string] {
  return (
    call: ServerUnaryCall<unknown, unknown>,
    done: (error: object | null, reply?: unknown) => void,
  ): void => {
    const cancelled = new AbortController();
    call.on('cancelled', () => cancelled.abort());
    const run = async (): Promise<unknown> => handler(call.request, cancelled.signal);
    run().then(
      (reply) => done(null, reply),
      (error: unknown) => done(statusOf(toFailure(error, name))),
    );
  };
}

function streamHandler(
  { name }: AnyMethod,
  handler: Handler,
  toFailure: ServerOptions['toFailure'],
): UntypedServiceImplementation[string] {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    const cancelled = new AbortController();
    call.on('cancelled', () => cancelled.abort());
    const run = async (): Promise<void> => {
      const replies = handler(call.request, cancelled.signal) as AsyncIterable<unknown>;
      for await (const reply of replies) {
        if (cancelled.signal.aborted) return;
        if (!call.write(reply)) await drained(call);
      }
      call.end();
    };
    run().catch((error: unknown) => call.emit('error', statusOf(toFailure(error, name))));
  };
}

/** Resolves when more data may be written, or when the reader is gone. */
function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      call.off('cancelled', done);
      resolve();
    };
    call.once('drain', done);
    call.once('cancelled', done);
  });
}

function statusOf({ status, detail }: GrpcFailure): object {
  return { code: GRPC_STATUSES.indexOf(status), details: detail, metadata: new Metadata() };
}

function stop(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Removes the socket of a killed server. A socket with a listener, or another kind of file, stays.
 */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new Error(`${path} is not a socket: remove it, or choose another path`);
  if (await answers(path)) throw new Error(`${path}: another server listens on this socket`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
