import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { Material } from '@nodeagent/kube-client';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import type { Fixture } from './fixture.ts';

/** An API server in front of the real one, which says things of pods that no API server would. */
export interface PoisonedApi {
  /** In each list of this node's pods from now on, with those that there are. */
  list(pod: object): void;
  /** On each watch of this node's pods that is open now. @returns how many there are */
  tell(type: 'ADDED' | 'MODIFIED', pod: object): number;
  stop(): Promise<void>;
}

/** Lets the node's kubelet know the API server by this one only. It has to be started again. */
export async function startPoisonedApi({ cluster }: Fixture): Promise<PoisonedApi> {
  const path = cluster.controlPlane.kubeletKubeconfig;
  const given = await readFile(path, 'utf8');
  const { server: target, user, ca, tlsServerName } = await loadKubeconfig({ path });
  const textOf = async (material: Material | undefined): Promise<string | undefined> =>
    material?.kind === 'file' ? readFile(material.path, 'utf8') : material?.text;
  const tls = {
    ca: await textOf(ca),
    cert: await textOf(user.clientCertificate?.certificate),
    key: await textOf(user.clientCertificate?.key),
    servername: tlsServerName ?? '',
  };
  const token = await textOf(user.token);
  const watches = new Set<ServerResponse>();
  const listed: object[] = [];

  const pass = (call: IncomingMessage, answer: ServerResponse): void => {
    const url = new URL(call.url ?? '/', target);
    const headers = { ...call.headers, ...(token && { authorization: `Bearer ${token}` }) };
    delete headers.host;
    const { method } = call;
    const onward = request(url, { method, headers, ...tls, agent: false }, (reply) => {
      const isOfPods = url.pathname === '/api/v1/pods' && reply.statusCode === 200;
      if (isOfPods && !url.searchParams.has('watch')) void addTo(reply, listed, answer);
      else {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        answer.flushHeaders();
        if (isOfPods) watches.add(answer.once('close', () => watches.delete(answer)));
        reply.pipe(answer);
      }
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    call.pipe(onward);
  };
  const front = createServer(pass);
  const { hostIp } = cluster.space.network;
  await new Promise<void>((resolve) => front.listen(0, hostIp, resolve));
  const { port } = front.address() as AddressInfo;
  await writeFile(path, kubeconfigOf(`http://${hostIp}:${port}`));
  return {
    list: (pod) => void listed.push(pod),
    tell: (type, object) => {
      for (const watch of watches) watch.write(`${JSON.stringify({ type, object })}\n`);
      return watches.size;
    },
    stop: async () => {
      await writeFile(path, given);
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    },
  };
}

async function addTo(
  reply: IncomingMessage,
  listed: readonly object[],
  answer: ServerResponse,
): Promise<void> {
  let text = '';
  for await (const chunk of reply.setEncoding('utf8')) text += String(chunk);
  const list = JSON.parse(text) as { items: object[] | null };
  const body = JSON.stringify({ ...list, items: [...listed, ...(list.items ?? [])] });
  answer.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

function kubeconfigOf(server: string): string {
  const name = 'poisoned';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
