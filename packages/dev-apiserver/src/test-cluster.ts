import { CUSTOM_RESOURCE_DEFINITIONS, type KubeObject } from '@nodeagent/kube-client';
import type { HttpKubeClient } from '@nodeagent/kube-client/http';

import { runControllers } from './controllers.js';
import { type DevApiServer, type DevApiServerOptions, startDevApiServer } from './start.js';

/** Options of the server, and whether controllers run beside it. */
export interface TestClusterOptions extends DevApiServerOptions {
  /** CustomResourceDefinitions that are served from the start. */
  readonly definitions?: readonly object[];
  /**
   * Runs the controllers of `@nodeagent/dev-apiserver/controllers`, among them the garbage
   * collector. They run when absent; without them nothing happens that the test does not do.
   */
  readonly controllers?: boolean;
}

/** A running API server with clients of it; `await using` stops it at the end of the test. */
export interface TestCluster extends AsyncDisposable {
  readonly server: DevApiServer;
  /** The administrator's. */
  readonly client: HttpKubeClient;
  /** The text of the administrator's kubeconfig, for client libraries and `kubectl`. */
  readonly kubeconfig: string;
  /** Ends the controllers, the clients of the server, and the server. */
  stop(): Promise<void>;
}

/**
 * Starts a cluster for one test or one file of tests: an API server of its own on a free port. Many
 * can run in one process; they share nothing.
 *
 * @throws {ApiServerError} `APISERVER_OPTIONS`, `APISERVER_LISTEN`
 * @throws {KubeError} `KUBE_INVALID` for a definition that is refused
 * @example
 * ```ts
 * import { createTestCluster } from '@nodeagent/dev-apiserver/test-cluster';
 * import { NAMESPACES } from '@nodeagent/kube-client';
 *
 * const { client, stop } = await createTestCluster({ controllers: false });
 * const signal = AbortSignal.timeout(10_000);
 * await client.create(NAMESPACES, { metadata: { name: 'shop' } }, signal);
 * console.log((await client.get(NAMESPACES, { name: 'shop' }, signal)).status?.phase); // Active
 * await stop();
 * ```
 */
export async function createTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const server = await startDevApiServer(options);
  const stopping = new AbortController();
  let controllers = Promise.resolve();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await controllers;
    await server.stop();
  };
  try {
    const [client, kubeconfig] = await Promise.all([server.client(), server.kubeconfig()]);
    for (const definition of options.definitions ?? []) {
      await client.create<KubeObject>(CUSTOM_RESOURCE_DEFINITIONS, definition, stopping.signal);
    }
    if (options.controllers !== false) {
      const { clock, log } = options;
      const settings = {
        rootCaPem: server.caCertificatePem,
        ...(clock === undefined ? {} : { clock }),
        ...(log === undefined ? {} : { log }),
      };
      controllers = runControllers(client, settings, stopping.signal);
    }
    return { server, client, kubeconfig, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
