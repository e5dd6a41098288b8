import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';

import { runtime } from '../../src/adapters/generated/runtime-v1.js';

const { v1 } = runtime;

/** The methods that tests serve, with the types of their messages. */
const UNARY = {
  Version: [v1.VersionRequest, v1.VersionResponse],
  RunPodSandbox: [v1.RunPodSandboxRequest, v1.RunPodSandboxResponse],
  PodSandboxStatus: [v1.PodSandboxStatusRequest, v1.PodSandboxStatusResponse],
  ListContainers: [v1.ListContainersRequest, v1.ListContainersResponse],
  ContainerStatus: [v1.ContainerStatusRequest, v1.ContainerStatusResponse],
  StopContainer: [v1.StopContainerRequest, v1.StopContainerResponse],
  ExecSync: [v1.ExecSyncRequest, v1.ExecSyncResponse],
} as const;

const IMAGES = {
  ImageStatus: [v1.ImageStatusRequest, v1.ImageStatusResponse],
  PullImage: [v1.PullImageRequest, v1.PullImageResponse],
} as const;

const STREAMS = {
  GetContainerEvents: [v1.GetEventsRequest, v1.ContainerEventResponse],
  StreamContainers: [v1.StreamContainersRequest, v1.StreamContainersResponse],
} as const;

type Message<C> = C extends { encode(message: infer T): unknown } ? T : never;

type Handlers = {
  [K in keyof typeof UNARY]?: handleUnaryCall<
    Message<(typeof UNARY)[K][0]>,
    Message<(typeof UNARY)[K][1]>
  >;
} & {
  [K in keyof typeof IMAGES]?: handleUnaryCall<
    Message<(typeof IMAGES)[K][0]>,
    Message<(typeof IMAGES)[K][1]>
  >;
} & {
  [K in keyof typeof STREAMS]?: handleServerStreamingCall<
    Message<(typeof STREAMS)[K][0]>,
    Message<(typeof STREAMS)[K][1]>
  >;
};

interface Codec {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

/**
 * A runtime on a unix socket that answers as the test decides; its answers can be wrong on purpose.
 */
export class FakeRuntimeServer {
  readonly #folder: string;
  #server: Server | undefined;
  /**
   * A relay between client and server, so that connections can break as those of a killed process
   * do.
   */
  #door: NetServer | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(handlers: Handlers): Promise<FakeRuntimeServer> {
    const fake = new FakeRuntimeServer(await mkdtemp(join(tmpdir(), 'nodeagent-cri-')));
    await fake.serve(handlers);
    return fake;
  }

  get endpoint(): string {
    return `unix://${this.#folder}/cri.sock`;
  }

  async serve(handlers: Handlers): Promise<void> {
    const server = new Server();
    const definition = Object.fromEntries(
      Object.entries({ ...UNARY, ...IMAGES, ...STREAMS }).map(([name, types]) => {
        const [request, reply] = types as unknown as readonly [Codec, Codec];
        const method = {
          path: `/runtime.v1.${name in IMAGES ? 'ImageService' : 'RuntimeService'}/${name}`,
          requestStream: false,
          responseStream: name in STREAMS,
          requestSerialize: (message: object) => Buffer.from(request.encode(message).finish()),
          requestDeserialize: (bytes: Buffer) => request.decode(bytes),
          responseSerialize: (message: object) => Buffer.from(reply.encode(message).finish()),
          responseDeserialize: (bytes: Buffer) => reply.decode(bytes),
        };
        return [name, method];
      }),
    );
    server.addService(definition, handlers);
    await new Promise<void>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync(`unix:${this.#inner}`, credentials, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#server = server;
    this.#door = createServer((client) => {
      const inner = createConnection(this.#inner);
      for (const socket of [client, inner]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      client.pipe(inner).pipe(client);
    });
    const door = this.#door;
    await new Promise<void>((resolve) => door.listen(`${this.#folder}/cri.sock`, resolve));
  }

  async kill(): Promise<void> {
    this.#door?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.forceShutdown();
    await rm(this.#inner, { force: true });
  }

  get #inner(): string {
    return join(this.#folder, 'inner.sock');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}
