import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SERVICES } from '@nodeagent/kube-client';
import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';

import { type MachineFixture, SLOW_MS } from './fixture.ts';

const never = new AbortController().signal;

/**
 * Applies the manifest of a kube-proxy DaemonSet as an operator does, and deletes it again: its pod
 * runs, makes the rules of the Service `packaged`, and its log can be read.
 *
 * @param folder where the manifest can be written
 */
export async function runProxyDaemonSet(
  lab: MachineFixture,
  folder: string,
  manifest: string,
): Promise<void> {
  const file = join(folder, 'daemonset.yaml');
  await writeFile(file, manifest);
  const { path } = (await findKubectls()).at(-1)!;
  const { adminKubeconfig } = lab.controlPlane;
  const kubectl = (...argv: readonly string[]): Promise<string> =>
    runCommand([path, '--kubeconfig', adminKubeconfig, ...argv]);
  await kubectl('apply', '-f', file);
  const pods = ['-n', 'kube-system', '-l', 'k8s-app=kube-proxy'];
  const isRunning = async (): Promise<boolean> =>
    /^kube-proxy-\S+ +1\/1 +Running +0 /.test(
      await kubectl('get', 'pods', ...pods, '--no-headers'),
    );
  await waitFor(isRunning, { what: 'the pod of the DaemonSet to be ready', timeoutMs: SLOW_MS });
  const { spec } = await lab.client.get(
    SERVICES,
    { namespace: 'default', name: 'packaged' },
    never,
  );
  const list = 'iptables -w -n -L KUBE-SERVICES -t nat';
  const isThere = async (): Promise<boolean> =>
    (await lab.node('node1').sh(list)).includes(spec?.clusterIP ?? '?');
  await waitFor(isThere, { what: 'the rules of the Service', timeoutMs: SLOW_MS });
  const hasStarted = async (): Promise<boolean> =>
    (await kubectl('logs', ...pods, '--tail=-1')).includes('proxy started');
  await waitFor(hasStarted, { what: 'the log of a proxy that started', timeoutMs: SLOW_MS });
  await kubectl('delete', '--wait', '-f', file);
}
