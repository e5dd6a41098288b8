import {
  profilePage,
  type Profiler,
  type Verbosity,
  verbosityPage,
} from '@nodeagent/component-base';
import { createNoApiClient, type KubeClient } from '@nodeagent/kube-client';

import { renderConfig } from '../../config/index.js';
import { runLogRotation } from '../../logs/run/index.js';
import {
  failure,
  type NodeServer,
  type NodeServerAdapters,
  type PodsOnNode,
} from '../../server/index.js';
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
import { gatedParts } from '../plan/gated-parts.js';
import {
  callerRules,
  logRotationRules,
  pageRules,
  plainListener,
  secureListener,
  type SecureListenerRules,
} from '../plan/server-rules.js';
import type { Parts } from './parts.js';

export interface ServerOptions {
  /** Undefined without an API server; bearer tokens cannot be checked then. */
  readonly reviewer: KubeClient | undefined;
  /** Handlers of the statistics pages. */
  readonly stats: (pods: PodsOnNode) => Handlers;
}

export interface OpenServer {
  readonly server: NodeServer;
  /**
   * Serves a certificate signed by the cluster; undefined unless the configuration requests one.
   */
  readonly issued: IssuedCertificate | undefined;
}

/** Opens the node API; undefined if `enableServer` is false. */
export async function openServer(
  parts: Parts,
  { reviewer, stats }: ServerOptions,
  lifetime: AbortSignal,
): Promise<OpenServer | undefined> {
  const { config, identity, adapters, cri } = parts;
  const { server: doors, clock, log, metrics, probeMetrics, verbosity } = adapters;
  const rules = secureListener(config);
  if (rules === undefined || doors === undefined) return undefined;
  const hasApi = reviewer !== undefined;
  const { secure, readOnly, issued } = await openListeners(parts, { doors, rules, hasApi });
  const pages = pageRules(config);
  const server = createNodeServer({
    ...{ metrics, clock, log },
    doorkeeper: createDoorkeeper(parts, { doors, reviewer }, lifetime),
    debug: pages.debug,
    handlers: createNodeHandlers({
      ...{ clock, metrics },
      cri: cri.runtime,
      readLog: doors.readLog,
      webSockets: gatedParts(config).webSockets,
      systemLogs: pages.systemLogs ? doors.systemLogs : undefined,
      journal: pages.journal ? doors.journal : undefined,
      features: config.features,
      checkpointDirectory: `${identity.rootDir}/checkpoints`,
      facts: {
        version: identity.version,
        flags: identity.flags,
        config: renderConfig(config),
        startedAtMs: doors.program.startedAtMs,
        runtimeVersion: doors.program.runtimeVersion,
      },
      more: (pods) => ({
        'metrics-probes': metricsHandler(probeMetrics),
        profiles: pages.profiles ? profileHandler(doors.profiler) : NO_PROFILES,
        verbosity: pages.verbosity ? verbosityHandler(verbosity) : NO_FLAGS,
        ...stats(pods),
      }),
    }),
    ...{ secure, readOnly },
  });
  return { server, issued };
}

function createDoorkeeper(
  { config, identity, adapters }: Parts,
  { doors, reviewer }: Readonly<{ doors: NodeServerAdapters; reviewer: KubeClient | undefined }>,
  lifetime: AbortSignal,
): Doorkeeper {
  const rules = callerRules(config);
  const reviews = createReviews({
    client: reviewer ?? createNoApiClient('there is no API server to review callers'),
    clock: adapters.clock,
    nodeName: identity.nodeName,
    digest: (text) => doors.digest(text),
    tokenTtlMs: rules.tokenTtlMs,
    authorizedTtlMs: rules.authorizedTtlMs,
    unauthorizedTtlMs: rules.unauthorizedTtlMs,
  });
  const { log, clock } = adapters;
  return new Doorkeeper(rules, { reviews, log, clock, lifetime });
}

function metricsHandler(page: MetricsPage): Handler {
  const { contentType } = page;
  return async () => ({ kind: 'body', status: 200, contentType, body: await page.render() });
}

const NO_PROFILES: Handler = () => failure(405, 'profiling endpoint is disabled.');

const NO_FLAGS: Handler = () => failure(405, 'flags endpoint is disabled.');

function verbosityHandler(verbosity: Verbosity | undefined): Handler {
  if (verbosity === undefined) return NO_FLAGS;
  return async ({ request }) => {
    const { method, readBody = async () => '' } = request;
    return { kind: 'body', ...(await verbosityPage({ method, readBody }, verbosity)) };
  };
}

function profileHandler(profiler: Profiler): Handler {
  return async ({ request }, signal) => {
    const { status, contentType, fileName, body } = await profilePage(request, profiler, signal);
    if (typeof body !== 'string') return { kind: 'stream', contentType, chunks: body };
    const headers = { 'content-disposition': `attachment; filename="${fileName}"` };
    return { kind: 'body', status, contentType, body, ...(fileName && { headers }) };
  };
}

type Doors = Pick<NodeServerOptions, 'secure' | 'readOnly'> &
  Readonly<{ issued: IssuedCertificate | undefined }>;

async function openListeners(
  { config, adapters }: Parts,
  {
    doors,
    rules,
    hasApi,
  }: Readonly<{ doors: NodeServerAdapters; rules: SecureListenerRules; hasApi: boolean }>,
): Promise<Doors> {
  const { metrics, clock, log } = adapters;
  const { files, isIssued, clientCaFile, ...listener } = rules;
  const issued = isIssued && hasApi ? createIssuedCertificate(clock) : undefined;
  const secure = doors.secureListener({
    ...{ metrics, clock, log },
    ...listener,
    certificate: issued ?? (await doors.servingCertificate(files)),
    clientCa: clientCaFile === undefined ? undefined : await doors.clientCa(clientCaFile),
  });
  const plain = plainListener(config);
  const readOnly = plain && doors.plainListener({ metrics, clock, log, ...plain });
  return { secure, issued, readOnly };
}

/** Rotates logs according to the `containerLog*` fields until the signal fires. */
export function rotateLogs({ config, adapters, cri }: Parts, signal: AbortSignal): Promise<void> {
  const { clock, files } = adapters;
  return runLogRotation(
    {
      ...{ clock, log: adapters.log.child({ logger: 'logs' }) },
      cri: cri.runtime,
      files: files.rotation,
      ...logRotationRules(config),
    },
    signal,
  );
}
