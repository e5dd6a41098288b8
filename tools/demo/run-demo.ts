import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { DEPLOYMENTS, type KubeClient, SERVICES } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Cluster, waitFor } from '@nodeagent/testbed';
import { parseAllDocuments } from 'yaml';

import { type Answers, frame, renderView } from './render.ts';
import { type PodView, type Snapshot, takeSnapshot } from './snapshot.ts';

const REPLICAS = 3;

export interface DemoResult {
  readonly node: Readonly<{ name: string; ready: boolean }>;
  readonly pods: readonly Pick<PodView, 'name' | 'ready' | 'ip' | 'node'>[];
  readonly service: Snapshot['service'] & { readonly answeredBy: readonly string[] };
}

export interface Demo {
  readonly cluster: Cluster;
  readonly client: KubeClient & { close(): void };
}

export async function openDemo(cluster: Cluster): Promise<Demo> {
  const connection = await loadKubeconfig({ path: cluster.kubeconfig });
  return { cluster, client: createKubeClient(connection, { userAgent: 'nodeagent-demo' }) };
}

export async function applyManifest({ client }: Demo, signal: AbortSignal): Promise<void> {
  const text = await readFile(join(import.meta.dirname, 'web.yaml'), 'utf8');
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as { kind: string };
    if (object.kind === 'Deployment') await client.create(DEPLOYMENTS, object, signal);
    else await client.create(SERVICES, object, signal);
  }
}

/** Waits until all pods are ready and each has answered through the Service. */
export async function waitUntilAnswered(demo: Demo, signal: AbortSignal): Promise<DemoResult> {
  const { cluster, client } = demo;
  const ready = async () => {
    cluster.assertRunning();
    const now = await takeSnapshot(client, cluster.nodeName, signal);
    const all = now.pods.length === REPLICAS && now.pods.every((pod) => pod.ready);
    return all && now.node.ready ? now : undefined;
  };
  const what = `${REPLICAS} ready pods on a ready node`;
  const now = await waitFor(ready, { what, timeoutMs: 120_000, signal });
  const names = new Set(now.pods.map(({ name }) => name));
  const answeredBy = new Set<string>();
  const everyone = async () => {
    const name = await askService(demo, now);
    if (names.has(name)) answeredBy.add(name);
    return answeredBy.size === names.size;
  };
  await waitFor(everyone, { what: 'an answer of every pod', everyMs: 10, signal });
  await fetchNodePort(demo, now);
  return {
    node: { name: now.node.name, ready: now.node.ready },
    pods: now.pods.map(({ name, ready: isReady, ip, node }) => ({
      name,
      ready: isReady,
      ip,
      node,
    })),
    service: { ...now.service, answeredBy: [...answeredBy].toSorted() },
  };
}

/** Sends a request from the node itself, through the cluster IP. */
async function askService({ cluster }: Demo, { service }: Snapshot): Promise<string> {
  return (await cluster.get(`http://${service.clusterIP}/`)).trim();
}

/** Sends a request from this machine, through the node port. */
async function fetchNodePort({ cluster }: Demo, { service }: Snapshot): Promise<void> {
  const url = `http://${cluster.space.network.nodeIp}:${service.nodePort}/`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
}

/** Redraws once a second until the signal fires. */
export async function showLive(demo: Demo, signal: AbortSignal): Promise<void> {
  const byPod = new Map<string, number>();
  let last = '-';
  const out = process.stdout;
  out.write('\x1b[?1049h\x1b[?25l'); // alternate screen, no cursor
  try {
    while (!signal.aborted) {
      const now = await takeSnapshot(demo.client, demo.cluster.nodeName, signal);
      for (let i = 0; i < 3; i++) {
        try {
          last = await askService(demo, now);
          byPod.set(last, (byPod.get(last) ?? 0) + 1);
        } catch (error) {
          last = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        }
      }
      const answers: Answers = { byPod, last };
      out.write(frame(renderView(now, answers, demo.cluster.kubeconfig)));
      await delay(700, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    out.write('\x1b[?25h\x1b[?1049l');
  }
}
