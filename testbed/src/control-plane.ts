import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { API_SERVER_PORT, serviceCidrs } from './api-server-plan.ts';
import { startApiServer } from './assets-control-plane.ts';
import { TestbedError } from './errors.ts';
import { clientAuthority, redirectKubeconfig, serverOf } from './given-kubeconfig.ts';
import { findKubectls } from './kubectl.ts';
import type { NodeSpace } from './node-space.ts';
import { type TestProcess, waitUntilUp } from './processes.ts';
import { startRelay } from './relay.ts';

/** Kubeconfig files, one per identity; they work on this machine and in the space. */
export interface ControlPlane {
  readonly kind: ControlPlaneKind;
  readonly adminKubeconfig: string;
  readonly kubeletKubeconfig: string;
  readonly proxyKubeconfig: string;
  /** The CA file for the certificate that the API server presents to a kubelet, if it is known. */
  readonly kubeletClientCa?: string;
  /** @throws {TestbedError} `TESTBED_PROCESS_ENDED` */
  assertRunning(): void;
  stop(): Promise<void>;
}

/**
 * `dev`: the embedded server. `kubeconfig`: a running one. `assets`: a folder with kube-apiserver
 * and etcd, which are started together with our controllers.
 */
export type ControlPlaneKind = 'dev' | 'kubeconfig' | 'assets';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAMS_DIR = join(ROOT, 'packages/dev-apiserver/dist/bin');

type Env = Readonly<Record<string, string | undefined>>;

export function controlPlaneKind(env: Env): ControlPlaneKind {
  if (env['KUBECONFIG']) return 'kubeconfig';
  return env['KUBEBUILDER_ASSETS'] ? 'assets' : 'dev';
}

/** @param controllerFlags extra flags for our controllers, if they run */
export async function startControlPlane(
  space: NodeSpace,
  nodeName: string,
  env: Env,
  controllerFlags: readonly string[] = [],
): Promise<ControlPlane> {
  const kind = controlPlaneKind(env);
  await mkdir(join(space.dir, 'control-plane'), { recursive: true });
  if (kind === 'kubeconfig') return useExisting(space, env['KUBECONFIG'] ?? '');
  const assets = env['KUBEBUILDER_ASSETS'] ?? '';
  const node = { space, nodeName, controllerFlags };
  return kind === 'assets' ? startAssets(node, assets) : startDev(node);
}

interface NodeParts {
  readonly space: NodeSpace;
  readonly nodeName: string;
  readonly controllerFlags: readonly string[];
}

async function startDev({ space, nodeName, controllerFlags }: NodeParts): Promise<ControlPlane> {
  return startDevControlPlane(space, [nodeName], controllerFlags);
}

/** A control plane of our own for several nodes. */
export interface DevControlPlane extends ControlPlane {
  kubeletKubeconfigOf(nodeName: string): string;
}

/** Starts the development API server and its controllers, for nodes of these names. */
export async function startDevControlPlane(
  space: NodeSpace,
  nodeNames: readonly string[],
  controllerFlags: readonly string[] = [],
): Promise<DevControlPlane> {
  const dir = join(space.dir, 'control-plane');
  await mkdir(dir, { recursive: true });
  const server = await startProgram(space, 'dev-apiserver', [
    `--host=${space.network.nodeIp}`,
    `--port=${API_SERVER_PORT}`,
    `--service-cidrs=${serviceCidrs(space.network).join(',')}`,
    ...nodeNames.map((name) => `--node=${name}`),
    `--kubeconfig-dir=${dir}`,
    '--no-controllers',
  ]);
  const at = (name: string) => join(dir, `${name}.kubeconfig`);
  const kubeletKubeconfigOf = (name: string) =>
    at(nodeNames.length === 1 ? 'kubelet' : `kubelet-${name}`);
  const controllers = await startProgram(space, 'controllers', [
    `--kubeconfig=${at('controller-manager')}`,
    `--root-ca=${join(dir, 'ca.crt')}`,
    ...controllerFlags,
  ]);
  return {
    kind: 'dev',
    adminKubeconfig: at('admin'),
    kubeletKubeconfig: kubeletKubeconfigOf(nodeNames[0] ?? ''),
    kubeletKubeconfigOf,
    proxyKubeconfig: at('kube-proxy'),
    kubeletClientCa: join(dir, 'ca.crt'),
    assertRunning: () => [server, controllers].forEach((one) => one.assertRunning()),
    stop: async () => {
      await controllers.stop();
      await server.stop();
    },
  };
}

/**
 * The node shares the given identity. Addresses that are reachable from this machine are reached
 * from the node too.
 */
async function useExisting(space: NodeSpace, given: string): Promise<ControlPlane> {
  const relay = await startRelay(space.network.hostIp, await serverOf(given));
  const text = await redirectKubeconfig(given, relay);
  const file = join(space.dir, 'control-plane/given.kubeconfig');
  await writeFile(file, text, { mode: 0o600 });
  const kubectl = (await findKubectls()).at(-1)?.path ?? 'kubectl';
  const authority = await clientAuthority(given, kubectl);
  const kubeletClientCa = join(space.dir, 'control-plane/given-ca.crt');
  if (authority !== undefined) await writeFile(kubeletClientCa, authority);
  return {
    kind: 'kubeconfig',
    adminKubeconfig: file,
    kubeletKubeconfig: file,
    proxyKubeconfig: file,
    ...(authority !== undefined && { kubeletClientCa }),
    assertRunning: () => undefined,
    stop: () => relay.stop(),
  };
}

async function startAssets(
  { space, nodeName, controllerFlags }: NodeParts,
  folder: string,
): Promise<ControlPlane> {
  const apiServer = await startApiServer(space, folder, nodeName);
  const { kubeconfigs, caFile } = apiServer;
  const controllers = await startProgram(space, 'controllers', [
    `--kubeconfig=${kubeconfigs.controllers}`,
    `--root-ca=${caFile}`,
    ...controllerFlags,
  ]);
  const processes = [controllers, ...apiServer.processes];
  return {
    kind: 'assets',
    adminKubeconfig: kubeconfigs.admin,
    kubeletKubeconfig: kubeconfigs.kubelet,
    proxyKubeconfig: kubeconfigs['kube-proxy'],
    kubeletClientCa: caFile,
    assertRunning: () => processes.forEach((one) => one.assertRunning()),
    stop: async () => {
      for (const one of processes) await one.stop();
    },
  };
}

/** Starts one of dev-apiserver's programs and waits for the line that reports it as ready. */
async function startProgram(
  space: NodeSpace,
  name: string,
  args: readonly string[],
): Promise<TestProcess> {
  const program = join(PROGRAMS_DIR, `${name}.js`);
  if (!existsSync(program)) {
    const text = `${program}: run \`npm run build\` first`;
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text);
  }
  const started = await space.start(name, [process.execPath, program, ...args]);
  const isReady = () => /^ready/m.test(started.logTail(1000));
  await waitUntilUp(started, isReady, { what: `${name} to be ready`, signal: space.signal });
  return started;
}
