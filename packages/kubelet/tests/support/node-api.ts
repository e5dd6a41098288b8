import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { parseFeatures } from '@nodeagent/component-base';
import type { LogBytesOptions } from '@nodeagent/cri-client';
import { readLogBytes } from '@nodeagent/cri-client/logs';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { type DevApiServer, startDevApiServer } from '@nodeagent/dev-apiserver';
import type { Pod } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import {
  createClientCa,
  createPlainListener,
  createSecureListener,
  createServingCertificate,
  createSystemLogs,
  type SecureListenerOptions,
} from '../../src/adapters/index.js';
import {
  type AdmissionRules,
  createNodeHandlers,
  createNodeServer,
  createReviews,
  Doorkeeper,
  tlsSettings,
} from '../../src/index.js';

export const NODE_NAME = 'n1';
export const GO_TLS = { tlsMinVersion: '', tlsCipherSuites: [], tlsCurvePreferences: [] };

export interface NodeApiFixtureOptions {
  readonly rules?: Partial<AdmissionRules>;
  readonly debug?: boolean;
  readonly pods?: () => readonly Pod[];
  readonly runtime?: MemoryRuntime;
  readonly listener?: Partial<SecureListenerOptions>;
  readonly tls?: Parameters<typeof tlsSettings>[0];
}

/** The node API on free ports of this machine, with a real API server for its reviews. */
export interface NodeApiFixture {
  readonly port: number;
  readonly readOnlyPort: number;
  readonly directory: string;
  readonly cluster: DevApiServer;
  readonly admin: HttpKubeClient;
  readonly runtime: MemoryRuntime;
  readonly metrics: MemoryMetrics;
  readonly log: MemoryLogger;
  readonly clientCaFile: string;
  stop(): Promise<void>;
}

export async function startNodeApi(options: NodeApiFixtureOptions = {}): Promise<NodeApiFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'node-api-'));
  const cluster = await startDevApiServer();
  const clientFor = async (user: string, groups: readonly string[]): Promise<HttpKubeClient> => {
    const path = join(directory, `${groups.join()}.kubeconfig`);
    await writeFile(path, await cluster.kubeconfig({ user, groups }));
    return createKubeClient(await loadKubeconfig({ path }));
  };
  const admin = await clientFor('admin', ['system:masters']);
  const node = await clientFor(`system:node:${NODE_NAME}`, ['system:nodes']);
  const [clock, log, metrics] = [createSystemClock(), new MemoryLogger(), new MemoryMetrics()];
  const runtime = options.runtime ?? new MemoryRuntime({ clock });
  const clientCaFile = join(directory, 'client-ca.crt');
  await writeFile(clientCaFile, cluster.caCertificatePem);
  const end = new AbortController();
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const listening = {
    secure: Promise.withResolvers<number>(),
    readOnly: Promise.withResolvers<number>(),
  };
  const common = {
    ...{ address: '127.0.0.1', port: 0, streamIdleTimeoutMs: 0, metrics, clock, log },
    ...(options.listener?.limits && { limits: options.listener.limits }),
  };
  const server = createNodeServer({
    ...{ metrics, clock, log },
    debug: options.debug ?? true,
    doorkeeper: new Doorkeeper(
      { anonymous: false, tokens: true, authorization: 'Webhook', ...options.rules },
      {
        ...{ log, clock },
        lifetime: end.signal,
        reviews: createReviews({
          ...{ client: node, clock, nodeName: NODE_NAME, digest },
          tokenTtlMs: 120_000,
          authorizedTtlMs: 300_000,
          unauthorizedTtlMs: 30_000,
        }),
      },
    ),
    secure: createSecureListener({
      ...common,
      onListening: listening.secure.resolve,
      tls: tlsSettings(options.tls ?? GO_TLS),
      certificate: await createServingCertificate({
        ...{ clock, log },
        files: undefined,
        directory: join(directory, 'pki'),
        hostName: 'localhost',
        addresses: ['127.0.0.1'],
      }),
      clientCa: await createClientCa(clientCaFile, { clock, log }),
      ...options.listener,
    }),
    readOnly: createPlainListener({ ...common, onListening: listening.readOnly.resolve }),
    handlers: createNodeHandlers({
      cri: runtime,
      readLog: (path: string, wanted: LogBytesOptions, signal: AbortSignal) =>
        readLogBytes(path, wanted, signal),
      systemLogs: createSystemLogs(join(directory, 'log')),
      checkpointDirectory: join(directory, 'checkpoints'),
      features: parseFeatures().features,
      facts: {
        version: 'v1.36.0',
        flags: { config: '/etc/kubelet.yaml', v: '2' },
        config: { kind: 'KubeletConfiguration' },
        startedAtMs: clock.nowMs(),
        runtimeVersion: 'v26.0.0',
      },
      metrics: Object.assign(new MemoryMetrics(), {
        contentType: 'text/plain; version=0.0.4',
        render: async () => 'up 1\n',
      }),
      webSockets: false,
      clock,
    }),
  });
  const pods = options.pods ?? (() => []);
  const run = server.run({ pods, problem: () => undefined }, end.signal);
  run.catch(listening.secure.reject);
  const [port, readOnlyPort] = await Promise.all([
    listening.secure.promise,
    listening.readOnly.promise,
  ]);
  return {
    ...{ port, readOnlyPort, directory, cluster, admin, runtime, metrics, log, clientCaFile },
    stop: async () => {
      end.abort(new Error('the test is over'));
      await run;
      admin.close();
      node.close();
      await cluster.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface Caller {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** Sends one request on a new connection, and accepts the server's self-signed certificate. */
export function call(
  port: number,
  target: string,
  { token, ...certificate }: Caller = {},
  more: { method?: string; headers?: Record<string, string>; plain?: boolean } = {},
): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, plain = false } = more;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = {
    ...{ host: '127.0.0.1', port, path: target, method, agent: false },
    headers: { ...authorization, ...headers },
  };
  const outgoing = plain
    ? httpRequest(options)
    : httpsRequest({ ...options, ...certificate, rejectUnauthorized: false });
  outgoing.on('error', reject);
  outgoing.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode ?? 0, body, headers: response.headers });
    });
  });
  outgoing.end();
  return promise;
}

export async function certificateOf(
  { cluster }: Pick<NodeApiFixture, 'cluster'>,
  user: string,
  groups: readonly string[] = [],
): Promise<Caller> {
  const { certificatePem, keyPem } = await cluster.issueClientCertificate({ user, groups });
  return { cert: certificatePem, key: keyPem };
}
