import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { PODS, SERVICES } from '@nodeagent/kube-client';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { runCommand, waitFor } from '@nodeagent/testbed';
import { startService } from '@nodeagent/testbed/machine';
import { afterAll, expect, it } from 'vitest';

import { create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';
import { runProxyDaemonSet } from './proxy-daemonset.ts';

const never = new AbortController().signal;
const UNITS = ['kubelet', 'kube-proxy'] as const;
const MINUTES = 600_000;
const ROOT = resolve(import.meta.dirname, '../../..');

/** Builds both Debian packages and kube-proxy's image into a folder, which a machine then has as a disk. */
export async function buildPackages(): Promise<{ folder: string; label: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'machine-packages-'));
  const tool = join(ROOT, 'tools/package/main.ts');
  const argv = [process.execPath, tool, '--arch=amd64', '--compression=none', `--out=${folder}`];
  await runCommand(argv, { timeoutMs: MINUTES });
  return { folder, label: 'packages' };
}

export const packages = (lab: MachineFixture, { folder }: Readonly<{ folder: string }>): void => {
  afterAll(() => rm(folder, { recursive: true }));

  it('are installed by apt, and start nothing', async () => {
    const node = lab.node('node1');
    await removePods(lab);
    for (const name of UNITS) {
      await node.sh(`systemctl disable --now ${name}; rm -r /etc/systemd/system/${name}.service*`);
    }
    await node.sh('systemctl daemon-reload && mkdir /pkg && mount LABEL=packages /pkg -o ro');
    await node.sh('apt-get install -y --no-install-recommends /pkg/*.deb', { timeoutMs: MINUTES });
    for (const name of UNITS) {
      const unit = ['LoadState', 'ActiveState', 'UnitFileState'].map((one) => `-P ${one}`);
      expect(await node.sh(`systemctl show ${unit.join(' ')} ${name}`)).toBe(
        'loaded\ninactive\ndisabled\n',
      );
    }
  });

  it('start by systemctl, with the operator’s configuration and flags', async () => {
    const node = lab.node('node1');
    await node.sh('cp /var/lib/kubelet/config.yaml /etc/nodeagent/kubelet.yaml');
    await node.write('/etc/default/kubelet', 'KUBELET_EXTRA_ARGS=-v=2\n');
    await startService(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    expect(await node.sh('systemctl status kubelet')).toContain('active (running)');
    expect(await node.sh('ps -o args= -p $(systemctl show -P MainPID kubelet)')).toMatch(
      /^\/usr\/bin\/kubelet --config=\/etc\/nodeagent\/kubelet\.yaml .* -v=2\n$/,
    );
    expect(await node.sh('journalctl -u kubelet -b -o cat')).toContain('node registered');
  });

  it('carry what IPVS needs', async () => {
    const node = lab.node('node1');
    const own = '/var/lib/kube-proxy/config.conf';
    const config = JSON.parse(await node.sh(`cat ${own}`)) as object;
    const file = '/etc/nodeagent/kube-proxy.yaml';
    await node.write(file, JSON.stringify({ ...config, mode: 'ipvs' }));
    await startService(node, 'kube-proxy');
    await create(lab, PODS, webPod('packaged', 'node1'));
    const { spec } = await create(lab, SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'packaged', namespace: 'default' },
      spec: { selector: { app: 'packaged' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    const isThere = async (): Promise<boolean> =>
      (await node.sh('ipvsadm -Ln')).includes(`${spec?.clusterIP}:80 rr`);
    await waitFor(isThere, { what: 'the virtual server of the Service', timeoutMs: MINUTES });
  });

  it('give way to the DaemonSet, whose image holds the same program', async () => {
    const node = lab.node('node1');
    await node.sh('systemctl stop kube-proxy');
    await node.sh('ctr -n k8s.io images import /pkg/*.oci.tar', { timeoutMs: MINUTES });
    const { server } = await loadKubeconfig({ path: lab.controlPlane.adminKubeconfig });
    const text = await readFile(join(ROOT, 'deploy/kube-proxy/daemonset.yaml'), 'utf8');
    await runProxyDaemonSet(lab, folder, text.replace('https://API-SERVER:6443', server));
  });
};

/** The last step: nothing is there afterwards. */
export const purge = (lab: MachineFixture): void => {
  it('leave nothing after a purge', async () => {
    const node = lab.node('node1');
    await removePods(lab);
    const purge = 'apt-get purge -y nodeagent-kubelet nodeagent-kube-proxy';
    const said = await node.sh(purge, { timeoutMs: MINUTES });
    expect(said).not.toContain('stays');
    const look = [
      'dpkg -l | grep nodeagent',
      'systemctl list-unit-files | grep -E "^kube"',
      'ls -d /etc/nodeagent /etc/default/kube* /usr/bin/kube* /var/lib/kubelet /var/lib/kube-proxy',
      'grep /var/lib/kube /proc/mounts',
      'ipvsadm -Ln | grep rr',
      'iptables-save | grep -E "KUBE-(SERVICES|NODE-PORT)"',
      'ip link show kube-ipvs0',
    ];
    const { stdout } = await node.try(look.map((one) => `${one} 2>/dev/null`).join('; '));
    expect(stdout).toBe('');
  });
};

const named = (name: string): { namespace: string; name: string } => ({
  namespace: 'default',
  name,
});

/** Packages are removed from nodes without pods. */
export async function removePods(lab: MachineFixture): Promise<void> {
  const { items } = await lab.client.list(PODS, { namespace: 'default' }, never);
  for (const { metadata } of items) {
    await lab.client.delete(PODS, named(metadata?.name ?? ''), {}, never);
  }
  const areGone = async (): Promise<boolean> =>
    (await lab.client.list(PODS, { namespace: 'default' }, never)).items.length === 0;
  await waitFor(areGone, { what: 'the pods to be gone', timeoutMs: MINUTES });
}
