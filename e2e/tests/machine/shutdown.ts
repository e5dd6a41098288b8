import { PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady } from '../e2e/fixture.ts';
import { configure, create, isNodeReady, type MachineFixture, SLOW_MS, webPod } from './fixture.ts';

export const shutdown = (lab: MachineFixture): void => {
  it('waits for its pods, for as long as is configured', async () => {
    const node = lab.node('node1');
    // far more than an emulated machine needs beside other tests; it goes down as soon as they ended
    await configure(node, { shutdownGracePeriod: '240s', shutdownGracePeriodCriticalPods: '10s' });
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    await create(lab, PODS, webPod('last', 'node1'));
    await lab.waitForPod('last', 'to be ready', isReady);
    const lock = /kubelet.*shutdown.*Kubelet needs time to handle node shutdown.*delay/;
    const isHeld = async (): Promise<boolean> =>
      lock.test(await node.sh('systemd-inhibit --list --no-pager'));
    await waitFor(isHeld, { what: 'the kubelet’s lock of logind', timeoutMs: SLOW_MS });
    const login1 = 'org.freedesktop.login1';
    const ask = `busctl get-property ${login1} /org/freedesktop/login1 ${login1}.Manager`;
    expect(await node.sh(`${ask} InhibitDelayMaxUSec`)).toBe('t 240000000\n');
  });

  it('ends them first, with a status that says why', async () => {
    const node = lab.node('node1');
    await node.reboot();
    const { status } = await lab.getPod('last');
    const { stdout: last } = await node.try('journalctl -b -1 -u kubelet --no-pager -n 40');
    expect(status, `the kubelet’s last lines:\n${last}`).toMatchObject({
      phase: 'Failed',
      reason: 'Terminated',
      message: 'Pod was terminated in response to imminent node shutdown.',
    });
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'TerminationByKubelet',
      }),
    );
    const state = await node.sh('cat /var/lib/kubelet/graceful_node_shutdown_state');
    expect(state).toMatch(/^\{"startTime":"2\d+-.*Z","endTime":"2\d+-.*Z"\}$/);
  });

  it('is Ready again afterwards', async () => {
    const node = lab.node('node1');
    await untilHealthy(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
  });
};
