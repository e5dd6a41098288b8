import type { HttpAnswer, HttpHandler, HttpRequest } from '../ports.js';

export interface MetricsServerOptions {
  readonly mode: string;
  /** The configuration in the file's terms. */
  readonly configz: unknown;
  readonly contentType: string;
  readonly renderMetrics: () => Promise<string>;
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };

/** What is served on metricsBindAddress. */
export function metricsHandler(options: MetricsServerOptions): HttpHandler {
  const { mode, configz, contentType, renderMetrics } = options;
  const routes: Readonly<Record<string, HttpHandler>> = {
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
  return (request) => {
    const route = routes[request.path];
    if (route === undefined) return { status: 404, headers: TEXT, body: '404 page not found\n' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: TEXT, body: 'Method Not Allowed\n' };
    }
    return route(request);
  };
}

function livenessAnswer({ query }: HttpRequest): HttpAnswer {
  if (!query.has('verbose')) return { status: 200, headers: TEXT, body: 'ok' };
  const line = query.getAll('exclude').includes('ping') ? '[+]ping excluded: ok' : '[+]ping ok';
  return { status: 200, headers: TEXT, body: `${line}\nhealthz check passed\n` };
}
