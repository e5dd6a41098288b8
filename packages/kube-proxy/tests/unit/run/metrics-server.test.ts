import { parseFeatures, type Profiler } from '@nodeagent/component-base';
import { describe, expect, it } from 'vitest';

import type { HttpAnswer, HttpHandler } from '../../../src/ports.js';
import { metricsHandler, type MetricsServerOptions } from '../../../src/run/metrics-server.js';

const program = {
  version: 'v1.36.0',
  runtimeVersion: 'v26.0.0',
  flags: { v: '2' },
  startedAtMs: 0,
};

async function ask(
  path: string,
  options: Partial<MetricsServerOptions> = {},
  accept?: string,
): Promise<HttpAnswer> {
  return serve(options)({ method: 'GET', path, query: new URLSearchParams(), accept });
}

function serve(options: Partial<MetricsServerOptions> = {}): HttpHandler {
  return metricsHandler({
    ...{
      mode: 'nftables',
      configz: { kind: 'KubeProxyConfiguration' },
      program,
      features: parseFeatures().features,
    },
    contentType: 'text/plain; version=0.0.4',
    renderMetrics: async () => 'up 1\n',
    profiler: undefined,
    verbosity: undefined,
    nowMs: () => 61_000,
    ...options,
  });
}

const profiler: Profiler = {
  cpu: async (seconds) => `{"seconds":${seconds}}`,
  heap: async function* () {
    yield Buffer.from('{"snapshot":');
    yield Buffer.from('{}}');
  },
};

describe('profiles', () => {
  it('are served on request', async () => {
    const { status, headers, pieces } = await ask('/debug/pprof/heap', { profiler });
    expect([status, headers]).toEqual([
      200,
      {
        'Content-Type': 'application/json',
        'Content-Disposition': 'attachment; filename="heap.heapsnapshot"',
      },
    ]);
    const texts: string[] = [];
    for await (const piece of pieces ?? []) texts.push(String(piece));
    expect(texts.join('')).toBe('{"snapshot":{}}');
    expect((await ask('/debug/pprof/profile', { profiler })).body).toBe('{"seconds":30}');
    expect((await ask('/debug/pprof/goroutine', { profiler })).status).toBe(404);
  });

  it('are not served without enableProfiling', async () => {
    expect((await ask('/debug/pprof/heap')).status).toBe(404);
    expect((await ask('/debug/pprof/')).status).toBe(404);
  });
});

describe(metricsHandler, () => {
  it.each([
    ['/healthz', /^ok$/],
    ['/proxyMode', /^nftables$/],
    ['/configz', /"kubeproxy.config.k8s.io":\{"kind":"KubeProxyConfiguration"/],
    ['/metrics', /^up 1\n$/],
    ['/flagz', /^\nkube-proxy flagz\n.*\nv=2\n$/],
    ['/statusz', /\nUp: 0 hr 01 min 01 sec\n/],
    ['/statusz', /\nPaths: \/configz \/flagz \/healthz \/metrics \/proxyMode\n$/],
  ])('answers %s', async (path, body) => {
    expect(await ask(path)).toMatchObject({ status: 200, body: expect.stringMatching(body) });
  });

  it('counts health checks on /metrics/slis until they are reset', async () => {
    const handler = serve();
    const request = async (method: string, path: string, search = '') => {
      const query = new URLSearchParams(search);
      return handler({ method, path, query, accept: undefined });
    };
    const page = async () => (await request('GET', '/metrics/slis')).body;
    expect(await page()).toBe('');
    await request('GET', '/healthz');
    await request('GET', '/healthz', 'verbose');
    await request('GET', '/healthz', 'exclude=ping');
    expect(await page()).toContain('\nkubernetes_healthcheck{name="ping",type="healthz"} 1\n');
    expect(await page()).toContain('{name="ping",status="success",type="healthz"} 2\n');
    expect(await request('DELETE', '/metrics/slis')).toMatchObject({ body: 'metrics reset\n' });
    expect(await page()).toBe('');
    expect((await request('DELETE', '/metrics')).status).toBe(405);
  });

  it('has the structured form of both', async () => {
    const accept = 'application/json;g=config.k8s.io;v=v1beta1;as=Flagz';
    const { body } = await ask('/flagz', {}, accept);
    expect(JSON.parse(body)).toMatchObject({ metadata: { name: 'kube-proxy' }, flags: { v: '2' } });
    expect((await ask('/statusz', {}, accept)).status).toBe(406);
  });

  it.each([
    ['/flagz', 'ComponentFlagz'],
    ['/statusz', 'ComponentStatusz'],
  ])(
    'does not serve %s without its gate, or without facts about the program',
    async (path, gate) => {
      expect(
        (await ask(path, { features: parseFeatures({ [gate]: false }).features })).status,
      ).toBe(404);
      expect((await ask(path, { program: undefined })).status).toBe(404);
    },
  );
});
