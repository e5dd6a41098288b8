/**
 * Measures the cost of this package for a node agent: resident memory of the import and of
 * following 5,000 pods with a small projection, and the time to decode 10,000 watch events compared
 * with JSON.parse alone. It runs on the built package, `node tests/bench/reflect-pods.mjs`, and
 * prints one JSON object.
 */
import { spawn } from 'node:child_process';
import http from 'node:http';

import { fileURLToPath } from 'node:url';

const PODS = 5000;
const EVENTS = 10_000;
const MIB = 1 << 20;

function aPod(i, version = i) {
  const env = Array.from({ length: 20 }, (_, n) => ({
    name: `VARIABLE_${n}`,
    value: `value-${i}-${n}`,
  }));
  const fields = Array.from({ length: 40 }, (_, n) => [`f:field${n}`, { 'f:inner': {} }]);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${i}`,
      namespace: `ns-${i % 50}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      resourceVersion: String(version),
      labels: { app: `app-${i % 100}`, 'pod-template-hash': 'abcdef' },
      managedFields: [{ manager: 'kubelet', fieldsV1: Object.fromEntries(fields) }],
    },
    spec: {
      nodeName: `node-${i % 100}`,
      containers: [1, 2].map((n) => ({ name: `c${n}`, image: `registry/image:${i}`, env })),
    },
    status: {
      phase: 'Running',
      podIP: `10.0.${i >> 8}.${i & 255}`,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null, // as API servers send it
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  };
}

function listBody(limit, offset) {
  const end = Math.min(PODS, offset + limit);
  const items = Array.from({ length: end - offset }, (_, n) => aPod(offset + n));
  const more = end < PODS ? { continue: String(end) } : {};
  return JSON.stringify({ metadata: { resourceVersion: String(PODS), ...more }, items });
}

function eventLines() {
  return Array.from({ length: EVENTS }, (_, n) =>
    JSON.stringify({ type: 'MODIFIED', object: aPod(n % PODS, PODS + n + 1) }),
  );
}

async function serve() {
  const lines = eventLines();
  const server = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    if (searchParams.get('watch') === 'true') {
      response.write(`${lines.join('\n')}\n`);
      return;
    }
    const limit = Number(searchParams.get('limit') ?? PODS);
    response.end(listBody(limit, Number(searchParams.get('continue') ?? 0)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.stdout.write(`${server.address().port}\n`);
}

function rssMib() {
  globalThis.gc?.();
  return Math.round((process.memoryUsage().rss / MIB) * 10) / 10;
}

async function measure(port) {
  const bare = rssMib();
  const importStart = performance.now();
  const { runReflector, PODS: pods, Store } = await import('@nodeagent/kube-client');
  const { createKubeClient } = await import('@nodeagent/kube-client/http');
  const { createSystemClock } = await import('@nodeagent/base/system');
  const importMs = performance.now() - importStart;
  const imported = rssMib();

  const client = createKubeClient({
    server: `http://127.0.0.1:${port}`,
    source: 'bench',
    user: {},
  });
  const stop = new AbortController();
  let events = 0;
  let listedMs = 0;
  const startMs = performance.now();
  let listed = 0;
  const finished = new Promise((resolve) => {
    const store = new Store((key, item, before) => {
      if (before === undefined) return;
      events += 1;
      if (events === EVENTS) resolve(performance.now());
    });
    void runReflector(
      client,
      {
        resource: pods,
        project: ({ spec, status }) => ({ node: spec?.nodeName ?? '', ip: status?.podIP ?? '' }),
        sink: store,
        clock: createSystemClock(),
        random: Math.random,
        onSynced: () => {
          listedMs = performance.now();
          listed = rssMib();
        },
      },
      stop.signal,
    );
  });
  const endMs = await finished;
  const followed = rssMib();
  const texts = eventLines();
  const parseStartMs = performance.now();
  for (const text of texts) JSON.parse(text);
  const parseMs = performance.now() - parseStartMs;
  stop.abort();
  client.close();
  const result = {
    rssMib: { bare, imported, listed, followed },
    importMs: Math.round(importMs),
    list5000Ms: Math.round(listedMs - startMs),
    watch10000Ms: Math.round(endMs - listedMs),
    parse10000Ms: Math.round(parseMs),
    watchToParse: Math.round(((endMs - listedMs) / parseMs) * 100) / 100,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function main() {
  const self = fileURLToPath(import.meta.url);
  const server = spawn(process.execPath, [self, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => {
    server.stdout.once('data', (data) => resolve(data.toString().trim()));
  });
  const child = spawn(process.execPath, ['--expose-gc', self, 'measure', port], {
    stdio: 'inherit',
  });
  process.exitCode = await new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
  });
  server.kill();
}

const [role, port = ''] = process.argv.slice(2);
await (role === 'serve' ? serve() : role === 'measure' ? measure(port) : main());
