import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import { type Containerd, findFreePort, startContainerd, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { AWAY_KUBECONFIG } from './away-api-server.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../../dist/bin/kubelet');
const { signal } = new AbortController();

let containerd: Containerd;
let cri: CriClient;
beforeAll(async () => {
  containerd = await startContainerd();
  cri = createCriClient({ endpoint: containerd.endpoint });
});
afterAll(async () => {
  cri.close();
  await containerd.stop();
});

/** Files of a kubelet whose API server is unreachable. */
async function writeFiles(dir: string, healthzPort: number): Promise<readonly string[]> {
  await mkdir(dir, { recursive: true });
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: containerd.endpoint,
    cgroupRoot: `/${containerd.space.id}`,
    failCgroupV1: false,
    // a full disk of the machine is not what most tests are about
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    podLogsDir: join(dir, 'logs/pods'),
    healthzPort,
    port: await findFreePort(),
  };
  const [configFile, kubeconfigFile] = [join(dir, 'kubelet.json'), join(dir, 'kubeconfig')];
  await writeFile(configFile, JSON.stringify(config));
  await writeFile(kubeconfigFile, AWAY_KUBECONFIG);
  return [
    `--config=${configFile}`,
    `--kubeconfig=${kubeconfigFile}`,
    `--root-dir=${dir}/root`,
    `--cert-dir=${dir}/pki`,
  ];
}

describe('SIGTERM', () => {
  it('ends the program with exit code 0, and containers keep running', async () => {
    const metadata = { name: 'p', namespace: 'test', uid: 'u', attempt: 0 };
    const logDirectory = join(containerd.space.dir, 'p-logs');
    const labels = { 'io.kubernetes.pod.uid': 'u' };
    const id = await cri.runtime.runPodSandbox(
      { config: { metadata, labels, logDirectory, linux: {} } },
      signal,
    );
    const port = await findFreePort();
    const argv = await writeFiles(join(containerd.space.dir, 'kubelet'), port);
    const kubelet = spawn(PROGRAM, [...argv, '--hostname-override=n1'], {
      stdio: 'ignore',
      env: {
        ...process.env,
        NODEAGENT_NODE: process.execPath,
        NODEAGENT_PROC_SYS: containerd.space.procSys,
      },
    });
    onTestFinished(() => void kubelet.kill('SIGKILL'));
    const ended = once(kubelet, 'exit');
    const isServing = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => true,
        () => false,
      );
    await waitFor(isServing, { what: 'the kubelet to be healthy', signal });
    kubelet.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect((await cri.runtime.podSandboxStatus(id, signal)).state).toBe('ready');
  });
});
