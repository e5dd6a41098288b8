import { untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { configure, isNodeReady, type MachineFixture } from './fixture.ts';

export const shutdown = (lab: MachineFixture): void => {
  it('waits for its pods, for as long as is configured', async () => {
    const node = lab.node('node1');
    await configure(node, { shutdownGracePeriod: '40s', shutdownGracePeriodCriticalPods: '10s' });
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    const list = await node.sh('systemd-inhibit --list --no-pager');
    expect(list).toMatch(/kubelet.*shutdown.*Kubelet needs time to handle node shutdown.*delay/);
    const login1 = 'org.freedesktop.login1';
    const ask = `busctl get-property ${login1} /org/freedesktop/login1 ${login1}.Manager`;
    expect(await node.sh(`${ask} InhibitDelayMaxUSec`)).toBe('t 40000000\n');
  });

  it('ends them first, with a status that says why', async () => {
    const node = lab.node('node1');
    await node.reboot();
    const { status } = await lab.getPod('web');
    expect(status).toMatchObject({
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
