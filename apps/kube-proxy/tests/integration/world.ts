import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { NODES } from '@nodeagent/kube-client';
import {
  createNetns,
  type Netns,
  startProcess,
  type TestProcess,
  thisNetns,
} from '@nodeagent/testbed';

import { startTinyApiServer, type TinyApiServer } from './tiny-apiserver.js';

const ROOT = join(import.meta.dirname, '../../../..');
/** Address of this process, which plays everything except the node. */
export const WORLD_IP = '10.99.0.1';
export const NODE_IP = '10.99.0.2';

/** A node on a cable, and the API at its other end, in the namespace of the tests. */
export interface World {
  readonly node: Netns;
  /** Folder of configuration and log. */
  readonly folder: string;
  readonly configFile: string;
  /** Sets the configuration of later proxies, in addition to what every proxy here needs. */
  configure(config: object): void;
  readonly api: TinyApiServer;
  /** @param prefix words put before the program */
  start(args?: readonly string[], prefix?: readonly string[]): Promise<TestProcess>;
  /** Starts the program with these flags only. */
  startBare(args: readonly string[]): Promise<TestProcess>;
  apiAway(): void;
  apiBack(): Promise<void>;
  remove(): Promise<void>;
}

/** Needs its own namespace, see `inOwnNamespace`, and built programs. */
export async function createWorld(config: object): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'kube-proxy-program-'));
  const node = await createNetns();
  const far = { netns: node, device: 'eth0', addresses: [`${NODE_IP}/24`] };
  await thisNetns().connect('world', [`${WORLD_IP}/24`], far);
  await node.run(['ip', 'route', 'add', 'default', 'via', WORLD_IP]);
  let api = await startTinyApiServer(WORLD_IP);
  api.objects.seed(NODES, {
    metadata: { name: 'node-a' },
    status: { addresses: [{ type: 'InternalIP', address: NODE_IP }] },
  });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, KUBECONFIG.replace('SERVER', api.url));
  const configFile = join(folder, 'config.yaml');
  const configure = (more: object): void => {
    const file = {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig },
      clusterCIDR: '10.244.0.0/16',
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
      ...more,
    };
    writeFileSync(configFile, JSON.stringify(file));
  };
  configure(config);
  const program = join(ROOT, 'dist/bin/kube-proxy');
  const flags = ['--config', configFile, '--hostname-override', ' Node-A '];
  return {
    node,
    folder,
    configFile,
    configure,
    get api() {
      return api;
    },
    start: (args = [], prefix = []) =>
      startProcess({
        argv: [...node.enter, ...prefix, program, ...flags, ...args],
        env: { NODEAGENT_NODE: process.execPath },
        logFile: join(folder, 'proxy.log'),
      }),
    startBare: (args) =>
      startProcess({
        argv: [...node.enter, program, ...args],
        env: { NODEAGENT_NODE: process.execPath },
        logFile: join(folder, 'proxy.log'),
      }),
    apiAway: () => api.close(),
    apiBack: async () => {
      api = await startTinyApiServer(WORLD_IP, api);
    },
    remove: async () => {
      api.close();
      await node.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const KUBECONFIG = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: SERVER}}]
users: [{name: u, user: {}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
`;
