import { PODS, SERVICES } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { startService, untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady, mainContainer } from '../e2e/fixture.ts';
import { create, isNodeReady, type MachineFixture, SLOW_MS, webPod } from './fixture.ts';

/** Makes systemd restart a kubelet that hangs much sooner than the unit's own setting does. */
const WATCHDOG = '/etc/systemd/system/kubelet.service.d/watchdog.conf';

export const services = (lab: MachineFixture): void => {
  /** The pod's processes, as the kernel has them; empty without it. */
  const sandboxesOf = async (name: string): Promise<readonly string[]> => {
    const list = 'ctr -n k8s.io containers ls';
    const filter = `labels."io.kubernetes.pod.name"==${name}`;
    const kind = 'labels."io.cri-containerd.kind"==sandbox';
    const found = await lab.node('node1').sh(`${list} -q '${filter},${kind}'`);
    return found.split('\n').filter(Boolean);
  };

  it('make the machine a Ready node', async () => {
    const node = lab.node('node1');
    await startService(node, 'kubelet');
    const { status } = await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    expect(status?.nodeInfo).toMatchObject({
      osImage: expect.stringContaining('Debian') as string,
      machineID: (await node.sh('cat /etc/machine-id')).trim(),
      bootID: (await node.sh('cat /proc/sys/kernel/random/boot_id')).trim(),
    });
    expect(status?.addresses).toContainEqual({ type: 'InternalIP', address: node.address });
    expect(await node.sh('systemctl status kubelet')).toContain('active (running)');
    expect(await node.sh('journalctl -u kubelet -o cat')).toContain('node registered');
    expect(await node.sh('ps -o args= -p $(systemctl show -P MainPID kubelet)')).toContain(
      '--config=/var/lib/kubelet/config.yaml',
    );
  });

  it('write to the journal with priorities', async () => {
    const node = lab.node('node1');
    const read = 'journalctl -u kubelet _TRANSPORT=stdout --no-pager';
    const rows = (await node.sh(`${read} -o json`)).split('\n').filter(Boolean);
    const lines = rows.map((row) => JSON.parse(row) as Record<string, string>);
    const registered = lines.find(({ MESSAGE = '' }) => MESSAGE.includes('node registered'));
    expect(registered).toMatchObject({
      PRIORITY: '6',
      MESSAGE: expect.stringMatching(/^I/) as string,
    });
    const levels = lines.map(({ PRIORITY, MESSAGE = '' }) => `${PRIORITY} ${MESSAGE[0]}`);
    const strange = levels.filter((level) => !['3 E', '4 W', '6 I'].includes(level));
    expect(strange).toEqual([]);
  });

  it('run pods, which the machine’s neighbours reach', async () => {
    await create(lab, PODS, webPod('web', 'node1'));
    const pod = await lab.waitForPod('web', 'to be ready', isReady);
    const url = `http://${pod.status?.podIP}:8080/healthz`;
    expect(await lab.machines.space.run(['busybox', 'wget', '-q', '-O', '-', url])).toBe('ok\n');
  });

  it('leave containers alone when the kubelet restarts', async () => {
    const node = lab.node('node1');
    const before = mainContainer(await lab.getPod('web'));
    const [sandbox] = await sandboxesOf('web');
    await node.write(WATCHDOG, '[Service]\nWatchdogSec=20s\nTimeoutAbortSec=5s\n');
    await node.sh('systemctl daemon-reload && systemctl restart kubelet');
    await untilHealthy(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    expect(mainContainer(await lab.waitForPod('web', 'to be ready', isReady))).toEqual(before);
    expect(await sandboxesOf('web')).toEqual([sandbox]);
  });

  it('tell systemd that they have started, and are restarted when they hang', async () => {
    const node = lab.node('node1');
    expect(await node.sh('systemctl show -P Type kubelet')).toBe('notify\n');
    await node.sh('kill -STOP $(systemctl show -P MainPID kubelet)');
    const restarted = async () =>
      (await node.sh('systemctl show -P NRestarts -P ActiveState kubelet')) === '1\nactive\n';
    await waitFor(restarted, { what: 'systemd to restart the kubelet', timeoutMs: SLOW_MS });
    expect(await node.sh('journalctl -u kubelet -o cat')).toContain('Watchdog timeout');
    await node.sh(`rm ${WATCHDOG} && systemctl daemon-reload`); // from the next start on
  });

  it('make Services answer, with rules that operators find', async () => {
    const node = lab.node('node1');
    await startService(node, 'kube-proxy');
    const spec = { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] };
    const service = await create(lab, SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec,
    });
    const url = `http://${service.spec?.clusterIP}/healthz`;
    const answers = async () => (await node.try(`curl -sf -m 5 ${url}`)).stdout === 'ok\n';
    await waitFor(answers, { what: `${url} to answer`, timeoutMs: SLOW_MS });
    expect(await node.sh('iptables -L -t nat')).toContain('default/web cluster IP');
    expect(await node.sh('systemctl status kube-proxy')).toContain('active (running)');
  });

  it('bring every pod back once after a reboot', async () => {
    const node = lab.node('node1');
    const { id, restarts } = mainContainer(await lab.getPod('web'));
    await node.sh('systemctl enable kubelet kube-proxy');
    await node.reboot();
    const pod = await lab.waitForPod('web', 'to run again', (one) => {
      const now = mainContainer(one);
      return isReady(one) && now.id !== id && now.id !== '';
    });
    expect(mainContainer(pod).restarts).toBe(restarts + 1);
    const running = await node.sh('ctr -n k8s.io tasks ls | grep -c RUNNING');
    expect(Number(running)).toBe(2); // the pod's sandbox and its container
  });

  it('bring every pod back once after the power was lost', async () => {
    const node = lab.node('node1');
    const { id, restarts } = mainContainer(await lab.getPod('web'));
    await node.cutPower();
    await node.start();
    const pod = await lab.waitForPod('web', 'to run again', (one) => {
      const now = mainContainer(one);
      return isReady(one) && now.id !== id && now.id !== '';
    });
    expect(mainContainer(pod).restarts).toBe(restarts + 1);
    await untilHealthy(node, 'kube-proxy');
    const { stdout } = await node.try('systemctl list-units --failed --plain --no-legend');
    expect(stdout).toBe('');
  });
};
