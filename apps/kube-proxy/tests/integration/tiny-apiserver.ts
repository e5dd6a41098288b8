import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createSystemClock } from '@nodeagent/base/system';
import {
  ENDPOINT_SLICES,
  isKubeError,
  type KubeObject,
  NODES,
  type Resource,
  SERVICE_CIDRS,
  SERVICES,
  type WatchEvent,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';

/** The part of the API that a proxy reads, over plain HTTP, from objects in memory. */
export interface TinyApiServer {
  readonly url: string;
  readonly objects: MemoryKubeClient;
  close(): void;
}

const RESOURCES: readonly Resource<KubeObject>[] = [
  SERVICES,
  ENDPOINT_SLICES,
  NODES,
  SERVICE_CIDRS,
];

/** @param again an earlier server: starts at the same port with the same objects */
export async function startTinyApiServer(
  host: string,
  again?: TinyApiServer,
): Promise<TinyApiServer> {
  const objects = again?.objects ?? createMemoryKubeClient({ clock: createSystemClock() });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://host');
    const resource = RESOURCES.find(({ plural }) => url.pathname.endsWith(`/${plural}`));
    if (resource === undefined || request.method !== 'GET') {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: 404 }));
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    answer(objects, { resource, query: url.searchParams, response }, gone.signal).catch(
      (error: unknown) => response.destroy(error as Error),
    );
  });
  await new Promise<void>((resolve) =>
    server.listen(again === undefined ? 0 : Number(new URL(again.url).port), host, resolve),
  );
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://${host}:${port}`, objects, close };
}

interface Question {
  readonly resource: Resource<KubeObject>;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

async function answer(
  objects: MemoryKubeClient,
  { resource, query, response }: Question,
  signal: AbortSignal,
): Promise<void> {
  const selectors = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  };
  response.writeHead(200, { 'Content-Type': 'application/json' });
  if (query.get('watch') === null) {
    const page = await objects.list(resource, selectors, signal);
    const { items, resourceVersion } = page;
    response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion }, items }));
    return;
  }
  response.flushHeaders();
  const resourceVersion = query.get('resourceVersion') ?? '0';
  try {
    for await (const event of objects.watch(resource, { ...selectors, resourceVersion }, signal)) {
      response.write(`${JSON.stringify(wireEvent(event))}\n`);
    }
  } catch (error) {
    if (!isKubeError(error, 'KUBE_GONE')) throw error;
    const object = { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired' };
    response.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  }
  response.end();
}

function wireEvent(event: WatchEvent<KubeObject>): object {
  if (event.type !== 'bookmark') return { type: event.type.toUpperCase(), object: event.object };
  const { resourceVersion } = event;
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion } } };
}
