import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Size {
  readonly services: number;
  readonly endpoints: number;
}

/** An API with a Service `default/canary` and many others, made as they are asked for. */
export interface BigApiServer {
  readonly url: string;
  /** Tells watchers that the canary's one endpoint has another port. */
  moveCanary(port: number): void;
  close(): void;
}

const VERSION = '1000';

/** @param host where it listens, and where the canary's endpoints are */
export async function startBigApiServer(
  host: string,
  size: Size,
  canaryPort: number,
): Promise<BigApiServer> {
  const watchers = new Set<ServerResponse>();
  let version = Number(VERSION);
  const lists: Readonly<Record<string, (i: number) => object>> = {
    services: (i) => (i === 0 ? service('canary', '10.96.0.1') : service(`s${i}`, clusterIp(i))),
    endpointslices: (i) =>
      i === 0 ? slice('canary', [host], canaryPort) : slice(`s${i}`, podIps(i, size), 8080),
  };
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
      response.on('close', () => watchers.delete(response));
      return;
    }
    const make = lists[plural];
    const from = Number(url.searchParams.get('continue') ?? '0');
    const count = make === undefined ? 0 : size.services;
    const limit = Number(url.searchParams.get('limit') ?? '0') || count;
    const to = Math.min(count, from + limit);
    const items = Array.from({ length: Math.max(0, to - from) }, (_, i) => make?.(from + i));
    const own = plural === 'nodes' ? [node(host)] : items;
    const metadata = { resourceVersion: VERSION, ...(to < count && { continue: String(to) }) };
    response.end(JSON.stringify({ kind: 'List', metadata, items: own }));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    moveCanary: (to) => {
      version += 1;
      const object = slice('canary', [host], to, String(version));
      for (const watcher of watchers) {
        watcher.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      }
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
