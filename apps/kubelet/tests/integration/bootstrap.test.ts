import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';

import { createCriClient } from '@nodeagent/cri-client/grpc';
import { type DevApiServer, startDevApiServer } from '@nodeagent/dev-apiserver';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  type CertificateSigningRequest,
  NODES,
  PODS,
} from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Containerd, findFreePort, startContainerd, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROGRAM = resolve(import.meta.dirname, '../../../../dist/bin/kubelet');
const IMAGE = 'nodeagent.test/busybox:1';
const { signal } = new AbortController();

let containerd: Containerd;
let server: DevApiServer;
let admin: HttpKubeClient;
let dir: string;
let port: number;
let argv: readonly string[];

beforeAll(async () => {
  containerd = await startContainerd({ images: ['busybox'] });
  server = await startDevApiServer();
  dir = join(containerd.space.dir, 'kubelet');
  await mkdir(dir, { recursive: true });
  const adminFile = join(dir, 'admin.kubeconfig');
  await writeFile(
    adminFile,
    await server.kubeconfig({ user: 'admin', groups: ['system:masters'] }),
  );
  admin = createKubeClient(await loadKubeconfig({ path: adminFile }));
  argv = await writeFiles();
});

afterAll(async () => {
  kubelet?.kill('SIGKILL');
  admin.close();
  await server.stop();
  await containerd.stop();
});

async function writeFiles(): Promise<readonly string[]> {
  port = await findFreePort();
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: containerd.endpoint,
    cgroupRoot: `/${containerd.space.id}`,
    failCgroupV1: false,
    failSwapOn: false,
    // a full disk of the machine is not what most tests are about
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    makeIPTablesUtilChains: false,
    podLogsDir: join(dir, 'logs/pods'),
    healthzPort: await findFreePort(),
    address: '127.0.0.1',
    port,
    rotateCertificates: true,
    serverTLSBootstrap: true,
    staticPodPath: join(dir, 'manifests'),
    syncFrequency: '1s',
    fileCheckFrequency: '1s',
  };
  await mkdir(config.staticPodPath);
  const container = { name: 'main', image: IMAGE, imagePullPolicy: 'Never' };
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'first', namespace: 'kube-system' } },
    spec: {
      hostNetwork: true,
      terminationGracePeriodSeconds: 1,
      containers: [{ ...container, command: ['sleep', '1000000'] }],
    },
  };
  await writeFile(join(config.staticPodPath, 'first.json'), JSON.stringify(pod));
  const bootstrap = { user: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] };
  const files = { config: join(dir, 'kubelet.json'), bootstrap: join(dir, 'bootstrap.kubeconfig') };
  await writeFile(files.config, JSON.stringify(config));
  await writeFile(files.bootstrap, await server.kubeconfig(bootstrap));
  return [
    `--config=${files.config}`,
    `--bootstrap-kubeconfig=${files.bootstrap}`,
    `--kubeconfig=${join(dir, 'etc/kubelet.conf')}`,
    `--root-dir=${join(dir, 'root')}`,
    `--cert-dir=${join(dir, 'root/pki')}`,
    '--hostname-override=n1',
  ];
}

let kubelet: ChildProcess | undefined;

function start(): ChildProcess {
  kubelet = spawn(PROGRAM, argv, {
    stdio: 'ignore',
    env: {
      ...process.env,
      NODEAGENT_NODE: process.execPath,
      NODEAGENT_PROC_SYS: containerd.space.procSys,
    },
  });
  return kubelet;
}

async function requestsFor(signer: string): Promise<readonly CertificateSigningRequest[]> {
  const { items } = await admin.list(CERTIFICATE_SIGNING_REQUESTS, {}, signal);
  return items.filter(({ spec }) => spec.signerName === `kubernetes.io/${signer}`);
}

async function approveNext(signer: string): Promise<CertificateSigningRequest> {
  let waiting: CertificateSigningRequest | undefined;
  await waitFor(
    async () => {
      const requests = await requestsFor(signer);
      waiting = requests.find(({ status }) => (status?.conditions ?? []).length === 0);
      return waiting !== undefined;
    },
    { what: `a request for ${signer}`, signal },
  );
  const name = waiting?.metadata?.name ?? '';
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test', message: '' }];
  const patch = {
    type: 'merge',
    body: { status: { conditions } },
    subresource: 'approval',
  } as const;
  return admin.patch(CERTIFICATE_SIGNING_REQUESTS, { name }, patch, signal);
}

async function runningContainers(): Promise<readonly string[]> {
  const cri = createCriClient({ endpoint: containerd.endpoint });
  try {
    return (await cri.runtime.listContainers({ state: 'running' }, signal)).map(({ id }) => id);
  } finally {
    cri.close();
  }
}

/** The serving certificate of the node API; undefined while TLS handshakes fail. */
function shown(): Promise<PeerCertificate | undefined> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, ca: server.caCertificatePem, servername: 'n1' };
    const socket = connect(options, () => {
      const certificate = socket.authorized ? socket.getPeerCertificate() : undefined;
      socket.destroy();
      resolve(certificate);
    });
    socket.once('error', () => resolve(undefined));
  });
}

describe('a node that joins with a bootstrap kubeconfig', () => {
  it('requests its certificates, registers with the first and serves with the second', async () => {
    const running = start();
    const ended = once(running, 'exit');
    await waitFor(async () => (await runningContainers()).length === 1, {
      what: 'the static pod to run while no request is approved',
      signal,
    });
    const [ran] = await runningContainers();
    const isAsked = async () => (await requestsFor('kube-apiserver-client-kubelet')).length === 1;
    await waitFor(isAsked, { what: 'one request for a certificate', signal });
    expect((await admin.list(NODES, {}, signal)).items).toEqual([]);
    const client = await approveNext('kube-apiserver-client-kubelet');
    expect(client.spec).toMatchObject({ username: 'system:bootstrap:abcdef' });
    const isRegistered = async () =>
      (await admin.list(NODES, {}, signal)).items.some(({ metadata }) => metadata?.name === 'n1');
    await waitFor(isRegistered, { what: 'the node to register', signal });
    const isMirrored = async () =>
      (await admin.list(PODS, { namespace: 'kube-system' }, signal)).items.length === 1;
    await waitFor(isMirrored, { what: 'the mirror pod in the API', signal });
    expect(await runningContainers()).toEqual([ran]);
    const kubeconfig = await readFile(join(dir, 'etc/kubelet.conf'), 'utf8');
    const current = join(dir, 'root/pki/kubelet-client-current.pem');
    expect(kubeconfig).toContain(current);
    expect((await lstat(current)).isSymbolicLink()).toBe(true);

    expect(await shown()).toBeUndefined();
    const serving = await approveNext('kubelet-serving');
    expect(serving.spec).toMatchObject({ username: 'system:node:n1' });
    await waitFor(async () => (await shown()) !== undefined, {
      what: 'the node API to serve the issued certificate',
      signal,
    });
    expect((await shown())?.subjectaltname).toMatch(/^DNS:n1, IP Address:/);
    running.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('uses its certificates again after a restart', async () => {
    const before = await readdir(join(dir, 'root/pki'));
    const running = start();
    const ended = once(running, 'exit');
    await waitFor(async () => (await shown()) !== undefined, {
      what: 'the node API to serve',
      signal,
    });
    running.kill('SIGKILL');
    await ended;
    expect(await requestsFor('kube-apiserver-client-kubelet')).toHaveLength(1);
    expect(await requestsFor('kubelet-serving')).toHaveLength(1);
    expect(await readdir(join(dir, 'root/pki'))).toEqual(before);
  });
});
