import { SpareDescriptor } from '@nodeagent/base/system';
import { type Channel, openChannel } from '@nodeagent/unix-grpc/client';

import { fromGrpcFailure } from '../model/errors.js';
import { parseEndpoint } from '../plan/endpoint.js';
import type { ImageService, RuntimeService } from '../ports.js';
import { createImageService } from './grpc-images.js';
import { createRuntimeService } from './grpc-runtime.js';

export { findEndpoint, type FindEndpointOptions } from './find-endpoint.js';

/** The sockets of the runtime, and the limits of calls. */
export interface CriClientOptions {
  /**
   * `unix:///run/containerd/containerd.sock`, or what `findEndpoint` found; the bare path is accepted
   * with a warning.
   */
  readonly endpoint: string;
  /** The endpoint of the image service, if it is a different one. */
  readonly imageEndpoint?: string | undefined;
  /**
   * Deadline of an ordinary call; two minutes when absent. Slow calls get more: `runPodSandbox`
   * twice this, `stopContainer` and `execSync` their own time on top. `pullImage`, event streams
   * and `execSync` without a timeout have no deadline.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Returns headers for a call, e.g. of the trace that it belongs to. */
  readonly headers?: (() => Readonly<Record<string, string>>) | undefined;
  /** Called with a warning about an endpoint in an outdated form. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Both services of a container runtime over one connection, or two if the image service is
 * elsewhere.
 */
export interface CriClient {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  /** Closes the connection; current and later calls and streams fail. */
  readonly close: () => void;
}

/**
 * Creates a client of a CRI v1 runtime. It connects at the first call. While the runtime is away,
 * calls fail at once with `CRI_UNAVAILABLE`; within a second of its return they work again, in a
 * process without a free file descriptor, too: each connection holds one back. Messages are limited to
 * 16 MiB each way.
 *
 * @throws {CriError} `CRI_BAD_ENDPOINT`
 * @example
 * ```typescript
 * import { createCriClient, findEndpoint } from '@nodeagent/cri-client/grpc';
 *
 * const { runtime, close } = createCriClient({ endpoint: await findEndpoint() });
 * const { runtimeName, runtimeVersion } = await runtime.version(AbortSignal.timeout(5000));
 * console.log(runtimeName, runtimeVersion);
 * close();
 * ```
 */
export function createCriClient(options: CriClientOptions): CriClient {
  const { endpoint, imageEndpoint = endpoint, requestTimeoutMs = 120_000 } = options;
  const reserves: SpareDescriptor[] = [];
  const open = (address: string): Channel => {
    const { socketPath, warning } = parseEndpoint(address);
    if (warning !== undefined) options.onWarning?.(warning);
    const reserve = new SpareDescriptor();
    reserves.push(reserve);
    return openChannel(socketPath, {
      toError: fromGrpcFailure,
      headers: options.headers,
      reserve,
    });
  };
  const channel = open(endpoint);
  const imageChannel = imageEndpoint === endpoint ? channel : open(imageEndpoint);
  return {
    runtime: createRuntimeService(channel, requestTimeoutMs),
    images: createImageService(imageChannel, requestTimeoutMs),
    close: () => {
      channel.close();
      imageChannel.close();
      for (const reserve of reserves) reserve.release();
    },
  };
}
