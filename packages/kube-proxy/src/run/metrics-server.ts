import { type Features, flagzPage, type ProgramSelf, statuszPage } from '@nodeagent/component-base';

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
  readonly nowMs: () => number;
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };

/** Handles requests on metricsBindAddress. */
export function metricsHandler(options: MetricsServerOptions): HttpHandler {
  const { mode, configz, contentType, renderMetrics } = options;
  const own: Readonly<Record<string, HttpHandler>> = {
    '/healthz': livenessAnswer,
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
  };
  const routes = { ...own, ...selfPages(options, Object.keys(own)) };
  return (request) => {
    const route = routes[request.path];
    if (route === undefined) return { status: 404, headers: TEXT, body: '404 page not found\n' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: TEXT, body: 'Method Not Allowed\n' };
    }
    return route(request);
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

function livenessAnswer({ query }: HttpRequest): HttpAnswer {
  if (!query.has('verbose')) return { status: 200, headers: TEXT, body: 'ok' };
  const line = query.getAll('exclude').includes('ping') ? '[+]ping excluded: ok' : '[+]ping ok';
  return { status: 200, headers: TEXT, body: `${line}\nhealthz check passed\n` };
}
