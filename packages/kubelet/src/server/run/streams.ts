import type { Counter, Metrics } from '@nodeagent/base';
import type { RuntimeService } from '@nodeagent/cri-client';

import { findContainer, LABEL_POD_UID, podName, podNamespace, podUid } from '../../pod/index.js';
import { parsePorts, parseWantedStreams } from '../codec/stream-query.js';
import {
  type Answer,
  Refusal,
  type SessionStreams,
  type SocketSession,
} from '../model/exchange.js';
import type { PodsOnNode } from '../ports.js';
import { findPod, isUidOf, runningContainer, runtimeRefusal } from './find-pod.js';
import type { Handler, Handlers } from './node-api.js';

type Runtime = Pick<
  RuntimeService,
  'exec' | 'attach' | 'portForward' | 'execSync' | 'listContainers' | 'listPodSandbox'
>;

export interface StreamOptions {
  readonly cri: Runtime;
  /** True: the kubelet terminates and counts WebSocket sessions. */
  readonly webSockets: boolean;
  readonly metrics: Metrics;
}

/**
 * exec, attach, port-forward and run. The runtime supplies a URL, and the client's connection is
 * joined to it.
 */
export function streamHandlers(pods: PodsOnNode, options: StreamOptions): Handlers {
  const { cri, webSockets, metrics } = options;
  const sockets = webSockets ? createSocketCounter(metrics) : undefined;
  const sessionOf = (
    subresource: SocketSession['subresource'],
    streams?: SessionStreams,
  ): SocketSession | undefined =>
    sockets && {
      subresource,
      ...(streams && { streams }),
      onSocket: () => sockets.increment({ subresource }),
    };
  const exec: Handler = async ({ request: { query, upgrade }, params }, signal) => {
    const streams = parseWantedStreams(query);
    const pod = findPod(pods, params) ?? notThere();
    const containerId = await runningContainer({ cri, pods }, pod, params, signal);
    if (containerId === undefined) throw noContainer(params['container']);
    const command = query.getAll('command');
    const url = () => cri.exec({ containerId, command, ...streams }, signal);
    return joined(upgrade, url, sessionOf('exec', streams));
  };
  const attach: Handler = async ({ request: { query, upgrade }, params }, signal) => {
    const pod = findPod(pods, params) ?? notThere();
    const name = params['container'] ?? '';
    const tty = findContainer(pod, name)?.spec.tty === true;
    const streams = parseWantedStreams(query, tty);
    const containerId = await runningContainer({ cri, pods }, pod, params, signal);
    if (containerId === undefined) {
      const where = `${podName(pod)}_${podNamespace(pod)}`;
      throw new Refusal(500, `container ${name} not found in pod ${where}`);
    }
    const url = () => cri.attach({ containerId, ...streams }, signal);
    return joined(upgrade, url, sessionOf('attach', streams));
  };
  const portForward: Handler = async ({ request: { query, upgrade }, params }, signal) => {
    const ports = parsePorts(query);
    const pod = findPod(pods, params) ?? notThere();
    const labels = { [LABEL_POD_UID]: podUid(pod) };
    const [sandbox] = isUidOf(pods, pod, params)
      ? await cri.listPodSandbox({ labels, state: 'ready' }, signal)
      : [];
    if (sandbox === undefined) throw new Refusal(404, 'pod not found');
    const url = () => cri.portForward({ sandboxId: sandbox.id, ports }, signal);
    return joined(upgrade, url, sessionOf('portforward'));
  };
  const run: Handler = async ({ request: { query }, params }, signal) => {
    const pod = findPod(pods, params) ?? notThere();
    const containerId = await runningContainer({ cri, pods }, pod, params, signal);
    if (containerId === undefined) throw noContainer(params['container']);
    const command = (query.get('cmd') ?? '').split(' ');
    const result = await cri.execSync({ containerId, command }, signal).catch(refuse);
    const { stdout, stderr, exitCode } = result;
    if (exitCode !== 0) {
      const output = new TextDecoder().decode(stderr.length > 0 ? stderr : stdout);
      throw new Refusal(500, `command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
    }
    const body = new Uint8Array(stdout.length + stderr.length);
    body.set(stdout);
    body.set(stderr, stdout.length);
    return { kind: 'body', status: 200, contentType: 'application/json', body };
  };
  return { exec, attach, 'port-forward': portForward, run };
}

function createSocketCounter(metrics: Metrics): Counter {
  return metrics.counter({
    name: 'kubelet_websocket_streaming_requests_total',
    help: 'Number of sessions whose WebSocket the kubelet terminated.',
    labelNames: ['subresource'],
  });
}

function notThere(): never {
  throw new Refusal(404, 'pod does not exist');
}

function noContainer(name: string | undefined): Refusal {
  return new Refusal(500, `container not found (${JSON.stringify(name ?? '')})`);
}

/** Requests a URL only if a session will follow, since each URL is valid for one session. */
async function joined(
  upgrade: boolean,
  url: () => Promise<string>,
  session: SocketSession | undefined,
): Promise<Answer> {
  if (!upgrade) throw new Refusal(500, 'Upgrade request required');
  return { kind: 'proxy', url: await url().catch(refuse), ...(session && { session }) };
}

function refuse(error: unknown): never {
  throw runtimeRefusal(error);
}
