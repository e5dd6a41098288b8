import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { TestbedError } from './errors.ts';
import type { NodeSpace } from './node-space.ts';
import { type TestProcess, waitUntilUp } from './processes.ts';

/** One of the two programs, running in a space. */
export interface Agent {
  readonly pid: number;
  readonly logFile: string;
  /** Starts the program, or starts it again, and waits until its health check succeeds. */
  start(): Promise<void>;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits for the end. */
  kill9(): Promise<void>;
  /** @throws {TestbedError} `TESTBED_PROCESS_ENDED` with the end of its log */
  assertRunning(): void;
}

interface AgentSpec {
  readonly name: 'kubelet' | 'kube-proxy';
  readonly argv: readonly string[];
  /** As seen from inside the space. */
  readonly healthUrl: string;
}

export interface KubeletOptions {
  readonly nodeName: string;
  readonly kubeconfig: string;
  readonly criEndpoint: string;
  /** The CA file for client certificates; without it the kubelet accepts tokens only. */
  readonly clientCa?: string;
  /** Replaces fields at the top level of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Extra flags, after the testbed's own. */
  readonly flags?: readonly string[];
}

const BIN_DIR = resolve(import.meta.dirname, '../../dist/bin');

/**
 * Refuses anonymous clients and lets the API server authorize the others, because other programs on
 * this machine can reach the port on the node's address.
 *
 * @param clientCAFile the CA file for client certificates; without it only tokens are accepted
 */
export function kubeletAccess(clientCAFile: string | undefined): object {
  return {
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      ...(clientCAFile !== undefined && { x509: { clientCAFile } }),
    },
    authorization: { mode: 'Webhook' },
  };
}

export async function startKubelet(space: NodeSpace, options: KubeletOptions): Promise<Agent> {
  const { nodeName, kubeconfig, criEndpoint } = options;
  const dir = join(space.dir, 'kubelet');
  await mkdir(dir, { recursive: true });
  const { nodeIp, ipv6 } = space.network;
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: criEndpoint,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${space.id}`,
    podLogsDir: join(space.dir, 'logs/pods'),
    failCgroupV1: false,
    failSwapOn: false,
    // a full disk of the machine is not what most tests are about
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    ...kubeletAccess(options.clientCa),
    ...options.config,
  };
  const configFile = join(dir, 'config.json');
  await writeFile(configFile, JSON.stringify(config, null, 2));
  return startAgent(space, {
    name: 'kubelet',
    argv: [
      `--config=${configFile}`,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${ipv6 ? `${nodeIp},${ipv6.nodeIp}` : nodeIp}`,
      `--root-dir=${join(dir, 'root')}`,
      `--cert-dir=${join(dir, 'root/pki')}`,
      '--v=2',
      ...(options.flags ?? []),
    ],
    healthUrl: 'http://127.0.0.1:10248/healthz',
  });
}

export interface ProxyOptions {
  readonly nodeName: string;
  readonly kubeconfig: string;
  /** Extra flags, after the testbed's own. */
  readonly flags?: readonly string[];
}

export async function startProxy(space: NodeSpace, options: ProxyOptions): Promise<Agent> {
  const dir = join(space.dir, 'kube-proxy');
  await mkdir(dir, { recursive: true });
  const { podCidr, ipv6 } = space.network;
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: options.kubeconfig },
    hostnameOverride: options.nodeName,
    clusterCIDR: ipv6 ? `${podCidr},${ipv6.podCidr}` : podCidr,
    // These kernel settings apply to the whole machine, so they must not change.
    conntrack: {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: '0s',
      tcpCloseWaitTimeout: '0s',
    },
  };
  const configFile = join(dir, 'config.json');
  await writeFile(configFile, JSON.stringify(config, null, 2));
  return startAgent(space, {
    name: 'kube-proxy',
    argv: [`--config=${configFile}`, '--v=2', ...(options.flags ?? [])],
    healthUrl: 'http://127.0.0.1:10256/healthz',
  });
}

async function startAgent(space: NodeSpace, spec: AgentSpec): Promise<Agent> {
  const { signal } = space;
  const program = join(BIN_DIR, spec.name);
  if (!existsSync(program)) {
    throw new TestbedError('TESTBED_PROGRAM_MISSING', `${program}: run \`npm run build\` first`);
  }
  const env = { NODEAGENT_NODE: process.execPath };
  const launch = async (): Promise<TestProcess> => {
    const started = await space.start(spec.name, [program, ...spec.argv], env);
    const ask = ['timeout', '2', 'busybox', 'wget', '-q', '-O', '/dev/null', spec.healthUrl];
    const isHealthy = async () => (await space.try(ask)).exitCode === 0;
    await waitUntilUp(started, isHealthy, { what: `${spec.name} to be healthy`, signal });
    return started;
  };
  let running = await launch();
  return {
    get pid() {
      return running.pid;
    },
    logFile: running.logFile,
    start: async () => {
      await running.stop();
      running = await launch();
    },
    stop: () => running.stop(),
    kill9: () => running.kill9(),
    assertRunning: () => running.assertRunning(),
  };
}
