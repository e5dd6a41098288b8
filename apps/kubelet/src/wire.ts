import { type Clock, type Logger, type Metrics, type Random, runScope } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { KUBERNETES_VERSION, logSpans, tellServiceManager } from '@nodeagent/component-base';
import {
  collectWhenIdle,
  createPrometheusMetrics,
  type Logs,
  takeServiceManager,
} from '@nodeagent/component-base/process';
import type { ExportingTracer } from '@nodeagent/component-base/tracing';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import {
  type CertificateAdapters,
  createKubelet,
  kubeconfigApi,
  type KubeletAdapters,
  type OpenApi,
  runtimeConnection,
} from '@nodeagent/kubelet';
import {
  createKubeconfigs,
  createNodeAdapters,
  createPendingKey,
  currentCertificatePath,
} from '@nodeagent/kubelet/adapters';

import type { Options } from './options.js';

interface Process {
  readonly options: Options;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly logs: Logs;
  readonly metrics: Metrics;
}

/** Runs the kubelet on this machine until the signal fires; containers keep running afterwards. */
export async function run(options: Options, logs: Logs, signal: AbortSignal): Promise<void> {
  const { log, verbosity } = logs;
  const { config, credentialProviders } = options;
  const manager = takeServiceManager();
  const clock = createSystemClock();
  const random = Math.random;
  const metrics = createPrometheusMetrics({ processVersion: KUBERNETES_VERSION });
  const own: Process = { options, clock, random, log, logs, metrics };
  const node = await createNodeAdapters(config, options, {
    ...{ credentialProviders, metrics, clock, log },
    procSys: process.env['NODEAGENT_PROC_SYS'],
  });
  const tracer = await openTracer(own);
  const adapters: KubeletAdapters = {
    ...{ clock, random, log, verbosity, metrics },
    tracer: tracer ?? spanLog(own),
    machine: node.machine,
    files: node.files,
    cgroups: node.cgroups,
    readings: node.readings,
    facts: node.facts,
    prober: node.prober,
    callHook: node.callHook,
    adjustOomScore: node.adjustOomScore,
    limitOpenFiles: node.limitOpenFiles,
    kernelSettings: node.kernelSettings,
    kernelLog: node.kernelLog,
    filter: node.filter,
    certificates: node.certificates,
    pullCredentials: node.pullCredentials,
    health: {
      run: (problem, scope) => {
        const tell = { manager, problem, clock, log };
        return runScope(
          [
            async (inner) => node.health?.run(problem, inner),
            (inner) => tellServiceManager(tell, inner),
          ],
          scope,
        );
      },
    },
    shutdown: node.shutdown,
    server: node.server,
    probeMetrics: createPrometheusMetrics(),
    openRuntime: () => openRuntime(own, tracer),
    openApi: apiOf(own, node.certificates),
  };
  const kubelet = createKubelet(config, options, adapters);
  await runScope([(inner) => kubelet.run(inner), (inner) => collectWhenIdle(clock, inner)], signal);
}

/** From this verbosity on, steps of pods and calls of the runtime are logged. */
const LOGS_CALLS = 4;
/** From this verbosity on, requests to the API server are logged. */
const LOGS_REQUESTS = 6;

function spanLog({ clock, logs }: Process): KubeletAdapters['tracer'] {
  const log = logs.from(LOGS_CALLS).child({ logger: 'calls' });
  return { ...logSpans(log, clock), run: () => Promise.resolve() };
}

/** The OpenTelemetry code is loaded only if `tracing` is configured. */
async function openTracer({ options, clock, log }: Process): Promise<ExportingTracer | undefined> {
  const { config, nodeName } = options;
  if (config.tracing === undefined) return undefined;
  const { endpoint, samplingRatePerMillion } = config.tracing;
  const { createOtlpTracer } = await import('@nodeagent/component-base/tracing');
  return createOtlpTracer({
    ...{ endpoint, samplingRatePerMillion, clock, log },
    resource: { 'service.name': 'kubelet', 'host.name': nodeName },
    scope: 'k8s.io/kubernetes/pkg/kubelet',
  });
}

function openRuntime({ options, log }: Process, tracer: ExportingTracer | undefined): CriClient {
  return createCriClient({
    headers: tracer && (() => tracer.headers()),
    ...runtimeConnection(options.config),
    onWarning: (warning) => log.warn({}, warning),
  });
}

/** @returns undefined without `--kubeconfig` */
function apiOf(own: Process, certificates: CertificateAdapters): OpenApi | undefined {
  const { options, clock, random, log, logs, metrics } = own;
  const { config, kubeconfig, bootstrapKubeconfig, nodeName, certDir } = options;
  if (kubeconfig === undefined) return undefined;
  const userAgent = `kubelet/${KUBERNETES_VERSION} (linux/${process.arch}) nodeagent`;
  return kubeconfigApi({
    ...{ kubeconfig, bootstrapKubeconfig, nodeName, config, certificates, clock, random, log },
    kubeconfigs: createKubeconfigs({
      ...{ userAgent, metrics },
      log: logs.from(LOGS_REQUESTS).child({ logger: 'requests' }),
    }),
    currentPath: currentCertificatePath(certDir, 'client'),
    pendingKey: createPendingKey(certDir),
  });
}
