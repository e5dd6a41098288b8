import { createNoApiClient, type KubeClient } from '@nodeagent/kube-client';

import { renderConfig } from '../../config/index.js';
import { runLogRotation } from '../../logs/run/index.js';
import { type NodeServer, type NodeServerAdapters, type PodsOnNode } from '../../server/index.js';
import {
  createIssuedCertificate,
  createNodeHandlers,
  createNodeServer,
  createReviews,
  Doorkeeper,
  type Handler,
  type Handlers,
  type IssuedCertificate,
  type MetricsPage,
  type NodeServerOptions,
} from '../../server/run/index.js';
import type { Parts } from './parts.js';

export interface ServerParts extends Parts {
  /** Undefined where there is no API server: nobody can be asked about strangers. */
  readonly reviewer: KubeClient | undefined;
  /** Statistics, from whoever measures. */
  readonly stats: (pods: PodsOnNode) => Handlers;
}

export interface OpenServer {
  readonly server: NodeServer;
  /** Shows a certificate that the cluster signs; undefined where none is asked for. */
  readonly issued: IssuedCertificate | undefined;
}

/** The node API on its ports; undefined where `enableServer` is false. */
export async function openServer(
  parts: ServerParts,
  lifetime: AbortSignal,
): Promise<OpenServer | undefined> {
  const { config, identity, adapters, cri, stats } = parts;
  const { server: doors, clock, log, metrics, probeMetrics } = adapters;
  if (!config.enableServer || doors === undefined) return undefined;
  const { issued, ...listeners } = await openListeners(parts, doors);
  const server = createNodeServer({
    ...{ metrics, clock, log },
    doorkeeper: createDoorkeeper(parts, doors, lifetime),
    debug: config.enableDebuggingHandlers,
    handlers: createNodeHandlers({
      ...{ clock, metrics },
      cri: cri.runtime,
      readLog: doors.readLog,
      webSockets: config.featureGates['ExtendWebSocketsToKubelet'] ?? true,
      systemLogs: config.enableSystemLogHandler ? doors.systemLogs : undefined,
      journal: config.enableSystemLogQuery ? doors.journal : undefined,
      featureGates: config.featureGates,
      checkpointDirectory: `${identity.rootDir}/checkpoints`,
      facts: {
        version: identity.version,
        flags: identity.flags,
        config: renderConfig(config),
        startedAtMs: doors.program.startedAtMs,
        runtimeVersion: doors.program.runtimeVersion,
      },
      more: (pods) => ({ 'metrics-probes': metricsHandler(probeMetrics), ...stats(pods) }),
    }),
    ...listeners,
  });
  return { server, issued };
}

function createDoorkeeper(
  { config, identity, adapters, reviewer }: ServerParts,
  doors: NodeServerAdapters,
  lifetime: AbortSignal,
): Doorkeeper {
  const { anonymous, webhook } = config.authentication;
  const { mode, webhook: authorization } = config.authorization;
  const reviews = createReviews({
    client: reviewer ?? createNoApiClient('there is no API server to ask about callers'),
    clock: adapters.clock,
    nodeName: identity.nodeName,
    digest: (text) => doors.digest(text),
    tokenTtlMs: webhook.cacheTtlMs,
    authorizedTtlMs: authorization.cacheAuthorizedTtlMs,
    unauthorizedTtlMs: authorization.cacheUnauthorizedTtlMs,
  });
  const rules = { anonymous: anonymous.enabled, tokens: webhook.enabled, authorization: mode };
  const { log, clock } = adapters;
  return new Doorkeeper(rules, { reviews, log, clock, lifetime });
}

function metricsHandler({ contentType, render }: MetricsPage): Handler {
  return async () => ({ kind: 'body', status: 200, contentType, body: await render() });
}

type Doors = Pick<NodeServerOptions, 'secure' | 'readOnly'> &
  Readonly<{ issued: IssuedCertificate | undefined }>;

async function openListeners(
  { config, adapters, reviewer }: ServerParts,
  doors: NodeServerAdapters,
): Promise<Doors> {
  const { metrics, clock, log } = adapters;
  const { tlsCertFile, tlsPrivateKeyFile, authentication } = config;
  const { clientCAFile } = authentication.x509;
  const common = {
    ...{ metrics, clock, log },
    address: config.address,
    streamIdleTimeoutMs: config.streamingConnectionIdleTimeoutMs,
  };
  const isIssued = config.serverTLSBootstrap && tlsCertFile === '' && reviewer !== undefined;
  const issued = isIssued ? createIssuedCertificate(clock) : undefined;
  const files =
    tlsCertFile === '' ? undefined : { certificate: tlsCertFile, key: tlsPrivateKeyFile };
  const secure = doors.secureListener({
    ...common,
    port: config.port,
    tls: config.tls,
    certificate: issued ?? (await doors.servingCertificate(files)),
    clientCa: clientCAFile === '' ? undefined : await doors.clientCa(clientCAFile),
  });
  const { readOnlyPort: port } = config;
  const readOnly = port === 0 ? undefined : doors.plainListener({ ...common, port });
  return { secure, issued, readOnly };
}

/** Rotates logs by `containerLogMaxSize` and its neighbours until the signal fires. */
export function rotateLogs({ config, adapters, cri }: Parts, signal: AbortSignal): Promise<void> {
  const { clock, log, files } = adapters;
  return runLogRotation(
    {
      ...{ clock, log },
      cri: cri.runtime,
      files: files.rotation,
      maxBytes: config.containerLogMaxBytes,
      maxFiles: config.containerLogMaxFiles,
      workers: config.containerLogMaxWorkers,
      periodMs: config.containerLogMonitorIntervalMs,
    },
    signal,
  );
}
