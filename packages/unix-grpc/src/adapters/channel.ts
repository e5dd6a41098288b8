import {
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';

import { type GrpcFailure, grpcStatus } from '../model/status.js';
import type { DescriptorReserve } from './descriptor-reserve.js';
import { reservedCredentials } from './reserved-credentials.js';

/** The limit that container runtimes, drivers and their Go clients agree on. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** An attempt on a local socket is cheap, and callers wait for a server to return. */
const RECONNECT_MS = { first: 100, most: 1000 };

/** A method for a channel: its path, and the conversion of its messages to and from bytes. */
export interface WireMethod<Request, Reply> {
  /** The name in errors: `RuntimeService/Version`. */
  readonly name: string;
  /** The path on the wire: `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Reply;
}

/** A request with the time that its call may take, in milliseconds. */
export interface CallArgument<Request> {
  readonly request: Request;
  /** Undefined means no deadline. */
  readonly deadlineMs: number | undefined;
}

/** One gRPC connection, opened on first use and reopened after a loss. */
export interface Channel {
  /** @throws the error from `toError`; the signal's reason when it fires */
  call<Request, Reply>(
    method: WireMethod<Request, Reply>,
    argument: CallArgument<Request>,
    signal: AbortSignal,
  ): Promise<Reply>;
  /** The call starts when the iteration does; leaving the loop cancels it. */
  stream<Request, Reply>(
    method: WireMethod<Request, Reply>,
    argument: CallArgument<Request>,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void>;
  /** Makes current and later calls and streams fail with `UNAVAILABLE`. */
  close(): void;
}

/** Errors and headers of a channel's calls. */
export interface ChannelOptions {
  /** Converts a failed call to the error that it throws. */
  readonly toError: (failure: GrpcFailure, method: string, options: ErrorOptions) => Error;
  /** Called for each call; returns its headers. */
  readonly headers?: (() => Readonly<Record<string, string>>) | undefined;
  /** Lets a process without free file descriptors reconnect; the caller releases it after `close`. */
  readonly reserve?: DescriptorReserve | undefined;
}

/**
 * Creates a channel to the server on a Unix socket.
 *
 * @param socketPath an absolute path, at most 107 bytes (unix(7))
 */
export function openChannel(socketPath: string, options: ChannelOptions): Channel {
  return new GrpcChannel(socketPath, options);
}

interface Cancellable {
  cancel(): void;
}

/** A connection, and the calls on it. */
interface Connection {
  readonly client: Client;
  calls: number;
  /** No more calls begin on it; it is closed after the last one. */
  isRetired: boolean;
}

class GrpcChannel implements Channel {
  readonly #socketPath: string;
  #connection: Connection;
  readonly #metadata = new Metadata();
  readonly #options: ChannelOptions;
  readonly #active = new Set<Cancellable>();
  #closed = false;

  constructor(socketPath: string, options: ChannelOptions) {
    this.#options = options;
    this.#socketPath = socketPath;
    this.#connection = this.#connect();
  }

  call<Request, Reply>(
    { name, path, serialize, deserialize }: WireMethod<Request, Reply>,
    { request, deadlineMs }: CallArgument<Request>,
    signal: AbortSignal,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#assertUsable(name, signal);
      const connection = this.#begin();
      const call: ClientUnaryCall = connection.client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        this.#metadataNow(),
        callOptions(deadlineMs),
        (error, reply) => {
          signal.removeEventListener('abort', cancel);
          this.#active.delete(call);
          this.#finish(connection, error);
          if (error !== null) reject(this.#reasonOf(error, name, signal));
          else if (reply === undefined) reject(this.#noReply(name));
          else resolve(reply);
        },
      );
      const cancel = (): void => call.cancel();
      this.#active.add(call);
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * The library stops reading from the socket while the caller does not request the next message.
   */
  async *stream<Request, Reply>(
    { name, path, serialize, deserialize }: WireMethod<Request, Reply>,
    { request, deadlineMs }: CallArgument<Request>,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void> {
    this.#assertUsable(name, signal);
    const connection = this.#begin();
    const call: ClientReadableStream<Reply> = connection.client.makeServerStreamRequest(
      path,
      serialize,
      deserialize,
      request,
      this.#metadataNow(),
      callOptions(deadlineMs),
    );
    const cancel = (): void => call.cancel();
    this.#active.add(call);
    signal.addEventListener('abort', cancel, { once: true });
    let failure: unknown;
    try {
      for await (const reply of call) yield reply as Reply;
      signal.throwIfAborted();
    } catch (error) {
      failure = error;
      throw this.#reasonOf(error, name, signal);
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#active.delete(call);
      // for a consumer that left early and so does not see the cancellation
      call.on('error', () => undefined);
      call.cancel();
      this.#finish(connection, failure);
    }
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#active) call.cancel();
    this.#connection.client.close();
  }

  #connect(): Connection {
    return connect(this.#socketPath, this.#options.reserve);
  }

  #begin(): Connection {
    this.#connection.calls += 1;
    return this.#connection;
  }

  /**
   * A server that had too much to send may refuse every further call on its connection, so the next
   * call gets a new one.
   */
  #finish(connection: Connection, error: unknown): void {
    connection.calls -= 1;
    const { code } = (error ?? {}) as Partial<ServiceError>;
    if (code !== undefined && grpcStatus(code) === 'RESOURCE_EXHAUSTED' && !connection.isRetired) {
      connection.isRetired = true;
      if (!this.#closed) this.#connection = this.#connect();
    }
    if (connection.isRetired && connection.calls === 0) connection.client.close();
  }

  #metadataNow(): Metadata {
    if (this.#options.headers === undefined) return this.#metadata;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#options.headers())) metadata.set(name, value);
    return metadata;
  }

  #assertUsable(method: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw this.#closedError(method);
  }

  #reasonOf(error: unknown, method: string, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (this.#closed) return this.#closedError(method);
    const { code, details } = error as Partial<ServiceError>;
    if (typeof code !== 'number') return error;
    const status = grpcStatus(code);
    const failure = {
      status: status === 'OK' ? 'UNKNOWN' : status,
      detail: withoutNoise(details ?? ''),
    } as const;
    return this.#options.toError(failure, method, { cause: error });
  }

  #noReply(method: string): Error {
    const failure = { status: 'INTERNAL', detail: 'status OK without a message' } as const;
    return this.#options.toError(failure, method, {});
  }

  #closedError(method: string): Error {
    const failure = { status: 'UNAVAILABLE', detail: 'this client was closed' } as const;
    return this.#options.toError(failure, method, {});
  }
}

function connect(socketPath: string, reserve: DescriptorReserve | undefined): Connection {
  const plain =
    reserve === undefined ? credentials.createInsecure() : reservedCredentials(socketPath, reserve);
  const client = new Client(`unix:${socketPath}`, plain, {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS.most,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
  });
  return { client, calls: 0, isRetired: false };
}

function callOptions(deadlineMs: number | undefined): { deadline?: number } {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

const UNREACHABLE =
  /^No connection established\. Last error: (?:Error: )?(.*)\. Resolution note: ?/s;

/** The library wraps what the kernel said into words about its own resolver. */
function withoutNoise(details: string): string {
  return UNREACHABLE.exec(details)?.[1] ?? details;
}
