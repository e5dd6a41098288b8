import { createHmac, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { type Clock, type Logger, parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { PrometheusMetrics } from '@nodeagent/component-base/process';
import { readLogBytes } from '@nodeagent/cri-client/logs';
import type { CriClient } from '@nodeagent/cri-client/grpc';
import { type Connection, createNoApiClient } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import {
  createNodeHandlers,
  createNodeServer,
  createReviews,
  Doorkeeper,
  type Handler,
  createIssuedCertificate,
  type IssuedCertificate,
  type NodeServer,
  type NodeServerOptions,
  renderConfig,
  runLogRotation,
  tlsSettings,
} from '@nodeagent/kubelet';
import {
  createClientCa,
  createJournal,
  createPlainListener,
  createRotationFiles,
  createSecureListener,
  createServingCertificate,
  createSystemLogs,
} from '@nodeagent/kubelet/adapters';

import type { Options } from './options.js';
import { VERSION } from './settings.js';
import type { WiredStats } from './wire-stats.js';

export interface ServerParts {
  readonly options: Options;
  /** Undefined where there is no API server: then nobody can be asked about strangers. */
  readonly connection: Connection | undefined;
  readonly cri: CriClient;
  readonly metrics: PrometheusMetrics;
  readonly probeMetrics: PrometheusMetrics;
  readonly stats: Pick<WiredStats, 'handlers'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const SYSTEM_LOGS = '/var/log';
/** Questions about strangers must not use up what the kubelet's own requests need. */
const REVIEW_RATE = { perSecond: 50, burst: 100 } as const;

export interface WiredServer {
  readonly server: NodeServer;
  /** Where a certificate that the cluster signs is to be shown; undefined without one. */
  readonly issued: IssuedCertificate | undefined;
  /** To be called at the end. */
  close(): void;
}

/** The node API on its ports; undefined where `enableServer` is false. */
export async function wireServer(
  parts: ServerParts,
  lifetime: AbortSignal,
): Promise<WiredServer | undefined> {
  const { options, connection, cri, metrics, clock, log } = parts;
  const { config, nodeName, rootDir } = options;
  if (!config.enableServer) return undefined;
  const asked =
    connection &&
    createKubeClient(connection, {
      userAgent: `kubelet/${VERSION} (linux/${process.arch}) nodeagent`,
      rateLimit: REVIEW_RATE,
      requestTimeoutMs: 10_000,
      metrics,
    });
  const client = asked ?? createNoApiClient('there is no API server to ask about callers');
  const { anonymous, webhook } = config.authentication;
  const { mode, webhook: authorization } = config.authorization;
  const reviews = createReviews({
    ...{ client, clock, nodeName, digest: createDigest() },
    tokenTtlMs: webhook.cacheTTL,
    authorizedTtlMs: authorization.cacheAuthorizedTTL,
    unauthorizedTtlMs: authorization.cacheUnauthorizedTTL,
  });
  const rules = { anonymous: anonymous.enabled, tokens: webhook.enabled, authorization: mode };
  const { issued, ...listeners } = await wireListeners(parts);
  const server = createNodeServer({
    ...{ metrics, clock, log },
    doorkeeper: new Doorkeeper(rules, { reviews, log, lifetime }),
    debug: config.enableDebuggingHandlers,
    handlers: createNodeHandlers({
      ...{ clock, metrics },
      cri: cri.runtime,
      readLog: readLogBytes,
      webSockets: (config.featureGates['ExtendWebSocketsToKubelet'] ?? true) ? metrics : undefined,
      systemLogs: config.enableSystemLogHandler ? createSystemLogs(SYSTEM_LOGS) : undefined,
      journal: config.enableSystemLogQuery ? createJournal() : undefined,
      featureGates: config.featureGates,
      checkpointDirectory: join(rootDir, 'checkpoints'),
      facts: {
        version: VERSION,
        flags: options.flags,
        config: renderConfig(config),
        startedAtMs: clock.nowMs() - process.uptime() * 1000,
        runtimeVersion: process.version,
      },
      more: (pods) => ({
        'metrics-probes': metricsHandler(parts.probeMetrics),
        ...parts.stats.handlers(pods),
      }),
    }),
    ...listeners,
  });
  return { server, issued, close: () => asked?.close() };
}

function metricsHandler({ contentType, render }: PrometheusMetrics): Handler {
  return async () => ({ kind: 'body', status: 200, contentType, body: await render() });
}

async function wireListeners(
  parts: ServerParts,
): Promise<
  Pick<NodeServerOptions, 'secure' | 'readOnly'> & { issued: IssuedCertificate | undefined }
> {
  const { options, connection, metrics, clock, log } = parts;
  const { config, certDir, nodeIps } = options;
  const { tlsCertFile, tlsPrivateKeyFile, authentication } = config;
  const { clientCAFile } = authentication.x509;
  const common = {
    ...{ metrics, clock, log },
    address: config.address,
    streamIdleTimeoutMs: config.streamingConnectionIdleTimeout,
  };
  const isIssued = config.serverTLSBootstrap && tlsCertFile === '' && connection !== undefined;
  const issued = isIssued ? createIssuedCertificate(clock) : undefined;
  const secure = createSecureListener({
    ...common,
    port: config.port,
    tls: tlsSettings(config),
    certificate:
      issued ??
      (await createServingCertificate({
        ...{ clock, log },
        files:
          tlsCertFile === '' ? undefined : { certificate: tlsCertFile, key: tlsPrivateKeyFile },
        directory: certDir,
        hostName: hostname(),
        addresses: nodeIps,
      })),
    clientCa: clientCAFile === '' ? undefined : await createClientCa(clientCAFile, { clock, log }),
  });
  if (config.readOnlyPort === 0) return { secure, issued, readOnly: undefined };
  const readOnly = createPlainListener({ ...common, port: config.readOnlyPort });
  return { secure, issued, readOnly };
}

/** `containerLogMaxSize` and its neighbours, for as long as the kubelet runs. */
export function rotateLogs(
  { options, cri, clock, log }: Pick<ServerParts, 'options' | 'cri' | 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { config } = options;
  return runLogRotation(
    {
      ...{ clock, log },
      cri: cri.runtime,
      files: createRotationFiles(),
      maxBytes: quantityToUnits(parseQuantity(config.containerLogMaxSize) ?? 0n),
      maxFiles: config.containerLogMaxFiles,
      workers: config.containerLogMaxWorkers,
      periodMs: config.containerLogMonitorInterval,
    },
    signal,
  );
}

/** Keyed with something that nobody knows: what is kept of tokens is of no use to whoever reads it. */
function createDigest(): (text: string) => string {
  const key = randomBytes(32);
  return (text) => createHmac('sha256', key).update(text).digest('base64');
}
