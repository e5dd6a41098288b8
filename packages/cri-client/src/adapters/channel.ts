import {
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';

import { CriError, fromGrpcStatus } from '../model/errors.js';
import type { Method } from './methods.js';

/** What upstream and the runtimes agree on. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** A local socket costs nothing to try, and pods wait for a runtime that comes back. */
const RECONNECT_MS = { first: 100, most: 1000 };

export interface CallArgument<Request> {
  readonly request: Request;
  /** Undefined: none. */
  readonly deadlineMs: number | undefined;
}

/** One gRPC connection to a runtime, made on first use and made again after a loss. */
export interface Channel {
  /** @throws {CriError} by status; the signal's reason when it fires */
  call<Request, Reply>(
    method: Method<Request, Reply>,
    argument: CallArgument<Request>,
    signal: AbortSignal,
  ): Promise<Reply>;
  /** Begins when first read; leaving the loop cancels the call. */
  stream<Request, Reply>(
    method: Method<Request, Reply>,
    argument: CallArgument<Request>,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void>;
  /** Calls and streams under way, and later ones, fail with `CRI_UNAVAILABLE`. */
  close(): void;
}

/** @param headers asked for at each call */
export function openChannel(socketPath: string, headers?: CallHeaders): Channel {
  return new GrpcChannel(socketPath, headers);
}

export type CallHeaders = () => Readonly<Record<string, string>>;

interface Cancellable {
  cancel(): void;
}

class GrpcChannel implements Channel {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #headers: CallHeaders | undefined;
  readonly #active = new Set<Cancellable>();
  #closed = false;

  constructor(socketPath: string, headers: CallHeaders | undefined) {
    this.#headers = headers;
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
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
  }

  call<Request, Reply>(
    { name, path, serialize, deserialize }: Method<Request, Reply>,
    { request, deadlineMs }: CallArgument<Request>,
    signal: AbortSignal,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#assertUsable(name, signal);
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        this.#metadataNow(),
        callOptions(deadlineMs),
        (error, reply) => {
          signal.removeEventListener('abort', cancel);
          this.#active.delete(call);
          if (error !== null) reject(this.#reasonOf(error, name, signal));
          else if (reply === undefined) reject(noReply(name));
          else resolve(reply);
        },
      );
      const cancel = (): void => call.cancel();
      this.#active.add(call);
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** The library stops reading from the socket while nobody asks for the next message. */
  async *stream<Request, Reply>(
    { name, path, serialize, deserialize }: Method<Request, Reply>,
    { request, deadlineMs }: CallArgument<Request>,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void> {
    this.#assertUsable(name, signal);
    const call: ClientReadableStream<Reply> = this.#client.makeServerStreamRequest(
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
    try {
      for await (const reply of call) yield reply as Reply;
      signal.throwIfAborted();
    } catch (error) {
      throw this.#reasonOf(error, name, signal);
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#active.delete(call);
      // a consumer that left early will not hear of the cancellation
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#active) call.cancel();
    this.#client.close();
  }

  #metadataNow(): Metadata {
    if (this.#headers === undefined) return this.#metadata;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers())) metadata.set(name, value);
    return metadata;
  }

  #assertUsable(method: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw clientClosed(method);
  }

  #reasonOf(error: unknown, method: string, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    return this.#closed ? clientClosed(method) : toCriError(error, method);
  }
}

function callOptions(deadlineMs: number | undefined): { deadline?: number } {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

function toCriError(error: unknown, method: string): unknown {
  const { code, details } = error as Partial<ServiceError>;
  if (typeof code !== 'number') return error;
  return fromGrpcStatus(code, details ?? '', { method, cause: error });
}

function noReply(method: string): CriError {
  return new CriError('CRI_BAD_REPLY', 'status OK without a message', { method });
}

function clientClosed(method: string): CriError {
  return new CriError('CRI_UNAVAILABLE', 'this client was closed', { method });
}
