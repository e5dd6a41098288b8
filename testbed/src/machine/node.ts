import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { kubeletAccess } from '../agents.ts';
import type { DevControlPlane } from '../control-plane.ts';
import { waitFor } from '../wait.ts';
import { makeAgentsFolder } from './agents-folder.ts';
import type { Machine, MachineOptions } from './machine.ts';
import type { Machines } from './machines.ts';

export interface MachineNodeOptions extends MachineOptions {
  readonly controlPlane: DevControlPlane;
  /** Replaces fields at the top level of the KubeletConfiguration. */
  readonly kubeletConfig?: Readonly<Record<string, unknown>>;
  /** Replaces fields at the top level of the KubeProxyConfiguration. */
  readonly proxyConfig?: Readonly<Record<string, unknown>>;
}

const CONFIG = '/var/lib/kubelet/config.yaml';
const KUBECONFIG = '/etc/kubernetes/kubelet.conf';
const CLIENT_CA = '/etc/kubernetes/pki/ca.crt';
const PROXY_CONFIG = '/var/lib/kube-proxy/config.conf';
const PROXY_KUBECONFIG = '/var/lib/kube-proxy/kubeconfig.conf';
const START_MS = 400_000;
const ENVIRONMENT = [
  'NODEAGENT_NODE=/opt/nodeagent/bin/node',
  // what the build compiled is for another processor: a later start takes 0.8 of the first one's time
  'NODE_COMPILE_CACHE=/var/cache/nodeagent',
];

/**
 * Boots a machine with both agents installed as services, from the units of deploy/systemd, and
 * configured; neither is started. Its node has the machine's name.
 */
export async function bootNode(machines: Machines, options: MachineNodeOptions): Promise<Machine> {
  const { controlPlane, kubeletConfig, proxyConfig, ...machine } = options;
  const folder = join(machines.space.dir, 'agents', machine.name);
  const agents = { folder: await makeAgentsFolder(folder), label: 'nodeagent' };
  const node = await machines.boot({ ...machine, disks: [...(machine.disks ?? []), agents] });
  const read = (path: string): Promise<string> => readFile(path, 'utf8');
  await node.write(KUBECONFIG, await read(controlPlane.kubeletKubeconfigOf(node.name)), 0o600);
  if (controlPlane.kubeletClientCa !== undefined) {
    await node.write(CLIENT_CA, await read(controlPlane.kubeletClientCa));
  }
  await node.write(PROXY_KUBECONFIG, await read(controlPlane.proxyKubeconfig), 0o600);
  await node.write(
    CONFIG,
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: 'systemd',
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      resolvConf: '',
      ...kubeletAccess(CLIENT_CA),
      ...kubeletConfig,
    }),
  );
  await node.write(
    PROXY_CONFIG,
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig: PROXY_KUBECONFIG },
      clusterCIDR: node.podCidr,
      ...proxyConfig,
    }),
  );
  for (const name of ['kubelet', 'kube-proxy']) {
    const dropIn = `[Service]\n${ENVIRONMENT.map((line) => `Environment=${line}\n`).join('')}`;
    await node.write(`/etc/systemd/system/${name}.service.d/node.conf`, dropIn);
  }
  await node.sh(
    'cp /opt/nodeagent/systemd/*.service /etc/systemd/system && systemctl daemon-reload',
  );
  return node;
}

/** Starts an agent's service and waits until it is healthy. */
export async function startService(
  node: Machine,
  service: 'kubelet' | 'kube-proxy',
): Promise<void> {
  await node.sh(`systemctl start --no-block ${service}`);
  await untilHealthy(node, service);
}

/** Waits until an agent answers its health check. */
export async function untilHealthy(
  node: Machine,
  service: 'kubelet' | 'kube-proxy',
): Promise<void> {
  const port = service === 'kubelet' ? 10248 : 10256;
  const ask = `curl -sf -m 5 http://127.0.0.1:${port}/healthz`;
  const isHealthy = async (): Promise<boolean> => (await node.try(ask)).exitCode === 0;
  const what = `${service} on ${node.name} to be healthy`;
  await waitFor(isHealthy, { what, timeoutMs: START_MS, everyMs: 500 }).catch(
    async (cause: unknown) => {
      const log = await node.try(`journalctl -u ${service} --no-pager -n 40`);
      throw new Error(`${String(cause)}; its journal ends with:\n${log.stdout}`, {
        cause,
      });
    },
  );
}
