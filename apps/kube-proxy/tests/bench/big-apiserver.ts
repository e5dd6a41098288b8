import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Size {
  readonly services: number;
  readonly endpoints: number;
}

/** An API with a Service `default/canary` and many other Services. */
export interface BigApiServer {
  readonly url: string;
  /** Sends watchers another port for the canary's only endpoint. */
  moveCanary(port: number): void;
  close(): void;
}

const VERSION = '1000';
/** Page sizes that the proxy requests. */
const PAGE_SIZES: Readonly<Record<string, number>> = { services: 500, endpointslices: 100 };

/** @param host address to listen on, also that of the canary's endpoints */
export async function startBigApiServer(
  host: string,
  size: Size,
  canaryPort: number,
): Promise<BigApiServer> {
  const watchers = new Set<ServerResponse>();
  let version = Number(VERSION);
  let lastEvent = '';
  const lists: Readonly<Record<string, (i: number) => object>> = {
    services: (i) => (i === 0 ? service('canary', '10.96.0.1') : service(`s${i}`, clusterIp(i))),
    endpointslices: (i) =>
      i === 0 ? slice('canary', [host], canaryPort) : slice(`s${i}`, podIps(i, size), 8080),
  };
  // built before the test: on a real server the cost is not the proxy's either
  const pages = new Map<string, Buffer>();
  const pageOf = (plural: string, from: number, limit: number): Buffer => {
    const key = `${plural} ${from} ${limit}`;
    const known = pages.get(key);
    if (known !== undefined) return known;
    const make = lists[plural];
    const count = make === undefined ? 0 : size.services;
    const to = Math.min(count, from + (limit || count));
    const made = Array.from({ length: Math.max(0, to - from) }, (_, i) => make?.(from + i));
    const items = plural === 'nodes' ? [node(host)] : made;
    const metadata = { resourceVersion: VERSION, ...(to < count && { continue: String(to) }) };
    const page = Buffer.from(JSON.stringify({ kind: 'List', metadata, items }));
    pages.set(key, page);
    return page;
  };
  for (const [plural, limit] of Object.entries(PAGE_SIZES)) {
    for (let from = 0; from < size.services; from += limit) pageOf(plural, from, limit);
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://host');
    const plural = url.pathname.split('/').at(-1) ?? '';
    if (request.method !== 'GET') {
      response.writeHead(404).end('{}');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    if (url.searchParams.get('watch') !== null) {
      response.flushHeaders();
      if (plural !== 'endpointslices') return;
      watchers.add(response);
      // changes between the list and this watch
      if (Number(url.searchParams.get('resourceVersion')) < version) response.write(lastEvent);
      response.on('close', () => watchers.delete(response));
      return;
    }
    const from = Number(url.searchParams.get('continue') ?? '0');
    response.end(pageOf(plural, from, Number(url.searchParams.get('limit') ?? '0')));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    moveCanary: (to) => {
      version += 1;
      const object = slice('canary', [host], to, String(version));
      lastEvent = `${JSON.stringify({ type: 'MODIFIED', object })}\n`;
      for (const watcher of watchers) watcher.write(lastEvent);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const clusterIp = (i: number): string => `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;

function podIps(service: number, { endpoints }: Size): readonly string[] {
  return Array.from({ length: endpoints }, (_, i) => {
    const n = service * endpoints + i;
    return `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  });
}

function node(host: string): object {
  const address = host.replace(/\d+$/, '2');
  return {
    metadata: { name: 'node-a', resourceVersion: VERSION },
    status: { addresses: [{ type: 'InternalIP', address }] },
  };
}

function service(name: string, clusterIP: string): object {
  return {
    metadata: { namespace: 'default', name, uid: name, resourceVersion: VERSION },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: { app: name },
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
    status: { loadBalancer: {} },
  };
}

function slice(owner: string, ips: readonly string[], port: number, version = VERSION): object {
  return {
    metadata: {
      namespace: 'default',
      name: `${owner}-x`,
      resourceVersion: version,
      labels: { 'kubernetes.io/service-name': owner },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port }],
    endpoints: ips.map((ip, i) => ({
      addresses: [ip],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${i % 100}`,
      targetRef: { kind: 'Pod', namespace: 'default', name: `${owner}-${i}`, uid: `${owner}-${i}` },
    })),
  };
}
