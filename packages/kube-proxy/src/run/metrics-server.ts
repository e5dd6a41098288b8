import {
  type Features,
  flagzPage,
  PROFILE_PATH,
  profilePage,
  type Profiler,
  type ProgramSelf,
  statuszPage,
  type Verbosity,
  VERBOSITY_PATH,
  verbosityPage,
} from '@nodeagent/component-base';

import type { HttpAnswer, HttpHandler, HttpRequest } from '../ports.js';

/** Facts about the program that uses the library. */
export type ProxyProgram = Omit<ProgramSelf, 'component' | 'paths'>;

export interface MetricsServerOptions {
  readonly mode: string;
  /** The configuration with the file's field names. */
  readonly configz: unknown;
  readonly contentType: string;
  readonly renderMetrics: () => Promise<string>;
  /** Without it, `/flagz` and `/statusz` are not served. */
  readonly program: ProxyProgram | undefined;
  readonly features: Features;
  /** Serves profiles of this process; undefined: does not. */
  readonly profiler: Profiler | undefined;
  /** The verbosity of logs, which clients may change; undefined: they may not. */
  readonly verbosity: Verbosity | undefined;
  readonly nowMs: () => number;
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };

const READS: readonly string[] = ['GET', 'HEAD'];

/** Handles requests on metricsBindAddress. */
export function metricsHandler(options: MetricsServerOptions): HttpHandler {
  const { mode, configz, contentType, renderMetrics, verbosity } = options;
  const counts = new HealthCounts();
  const own: Readonly<Record<string, HttpHandler>> = {
    '/healthz': (request) => livenessAnswer(request, counts),
    '/healthz/ping': () => ({ status: 200, headers: TEXT, body: 'ok' }),
    '/proxyMode': () => ({ status: 200, headers: TEXT, body: mode }),
    '/configz': () => ({
      status: 200,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ 'kubeproxy.config.k8s.io': configz }),
    }),
    '/metrics': async () => {
      return { status: 200, headers: { 'Content-Type': contentType }, body: await renderMetrics() };
    },
    '/metrics/slis': ({ method }) => {
      if (method !== 'DELETE') {
        return { status: 200, headers: { 'Content-Type': contentType }, body: counts.render() };
      }
      counts.reset();
      return { status: 200, headers: TEXT, body: 'metrics reset\n' };
    },
  };
  const routes = { ...own, ...selfPages(options, Object.keys(own)) };
  return (request) => {
    const route = routes[request.path] ?? profileRoute(request, options.profiler);
    if (request.path === VERBOSITY_PATH && verbosity !== undefined) {
      return verbosityAnswer(request, verbosity);
    }
    if (route === undefined) return { status: 404, headers: TEXT, body: '404 page not found\n' };
    const methods = request.path === '/metrics/slis' ? [...READS, 'DELETE'] : READS;
    if (!methods.includes(request.method)) {
      return { status: 405, headers: TEXT, body: 'Method Not Allowed\n' };
    }
    return route(request);
  };
}

async function verbosityAnswer(
  { method, readBody = async () => '' }: HttpRequest,
  verbosity: Verbosity,
): Promise<HttpAnswer> {
  const { status, contentType, body } = await verbosityPage({ method, readBody }, verbosity);
  return { status, headers: { ...TEXT, 'Content-Type': contentType }, body };
}

/** @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/routes/profiling.go */
function profileRoute(
  { path }: HttpRequest,
  profiler: Profiler | undefined,
): HttpHandler | undefined {
  const isProfile = path === PROFILE_PATH || path.startsWith(`${PROFILE_PATH}/`);
  if (profiler === undefined || !isProfile) return undefined;
  return async (request) => {
    const stays = new AbortController().signal;
    const page = await profilePage(request, profiler, request.signal ?? stays);
    const { status, contentType, fileName, body } = page;
    const headers = {
      'Content-Type': contentType,
      ...(fileName && { 'Content-Disposition': `attachment; filename="${fileName}"` }),
    };
    if (typeof body === 'string') return { status, headers, body };
    return { status, headers, body: '', pieces: body };
  };
}

function selfPages(
  { program, features, nowMs }: MetricsServerOptions,
  paths: readonly string[],
): Readonly<Record<string, HttpHandler>> {
  if (program === undefined) return {};
  const listed = features.ComponentFlagz ? [...paths, '/flagz'] : paths;
  const facts: ProgramSelf = { ...program, component: 'kube-proxy', paths: listed };
  return {
    ...(features.ComponentFlagz && { '/flagz': ({ accept }) => flagzPage(facts, accept) }),
    ...(features.ComponentStatusz && {
      '/statusz': ({ accept }) => statuszPage(facts, nowMs(), accept),
    }),
  };
}

function livenessAnswer({ query }: HttpRequest, counts: HealthCounts): HttpAnswer {
  const isExcluded = query.getAll('exclude').includes('ping');
  if (!isExcluded) counts.passed();
  if (!query.has('verbose')) return { status: 200, headers: TEXT, body: 'ok' };
  const line = isExcluded ? '[+]ping excluded: ok' : '[+]ping ok';
  return { status: 200, headers: TEXT, body: `${line}\nhealthz check passed\n` };
}

/**
 * Results of the health checks that clients requested. The only check is `ping`, which passes
 * whenever it can be answered.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/metrics/prometheus/slis
 */
class HealthCounts {
  #count = 0;

  passed(): void {
    this.#count += 1;
  }

  reset(): void {
    this.#count = 0;
  }

  /** @returns an empty page until a check was requested */
  render(): string {
    if (this.#count === 0) return '';
    return [
      '# HELP kubernetes_healthcheck 1 if the health check passes, otherwise 0.\n',
      '# TYPE kubernetes_healthcheck gauge\n',
      'kubernetes_healthcheck{name="ping",type="healthz"} 1\n',
      '# HELP kubernetes_healthchecks_total Number of health checks, by result.\n',
      '# TYPE kubernetes_healthchecks_total counter\n',
      `kubernetes_healthchecks_total{name="ping",status="success",type="healthz"} ${this.#count}\n`,
    ].join('');
  }
}
