import { SILENT_LOGGER } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { type Pod, PODS } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { describe, expect, it, vi } from 'vitest';

import { StatusReporter } from '../../../src/status/run/index.js';

const POD: Pod = {
  metadata: { namespace: 'default', name: 'web', uid: 'u1' },
  spec: { containers: [{ name: 'main', image: 'web:1' }] },
  status: { phase: 'Running' },
};

describe(StatusReporter, () => {
  it('tells when the API shows how a pod ended', async () => {
    const clock = new ManualClock();
    const client = createMemoryKubeClient({ clock });
    client.seed(PODS, POD);
    const answer = Promise.withResolvers<undefined>();
    const write = client.patch.bind(client);
    vi.spyOn(client, 'patch').mockImplementation(async (...request) => {
      await answer.promise;
      return write(...request);
    });
    const { signal } = new AbortController();
    const options = { client, clock, log: SILENT_LOGGER, hostIps: () => [] };
    const reporter = new StatusReporter(options, signal);
    expect(reporter.isShown('u1')).toBe(true); // there is nothing to tell yet
    reporter.finish(POD);
    expect(reporter.isShown('u1')).toBe(false);
    answer.resolve(undefined);
    await vi.waitFor(() => expect(reporter.isShown('u1')).toBe(true));
    expect(client.objects(PODS)[0]?.status?.phase).toBe('Failed');
  });

  it('has nothing to tell without an API', () => {
    const options = { client: undefined, clock: new ManualClock(), log: SILENT_LOGGER };
    const reporter = new StatusReporter(
      { ...options, hostIps: () => [] },
      new AbortController().signal,
    );
    reporter.finish(POD);
    expect(reporter.isShown('u1')).toBe(true);
  });

  it('writes at once what another component took back, and only that', async () => {
    const clock = new ManualClock();
    const client = createMemoryKubeClient({ clock });
    client.seed(PODS, POD);
    const patch = vi.spyOn(client, 'patch');
    const { signal } = new AbortController();
    const options = { client, clock, log: SILENT_LOGGER, hostIps: () => [] };
    const reporter = new StatusReporter(options, signal);
    const now = (): Pod => client.objects(PODS)[0] as Pod;
    reporter.seen(now()); // it has reported nothing yet
    reporter.finish(now());
    await vi.waitFor(() => expect(now().status?.phase).toBe('Failed'));
    expect(patch).toHaveBeenCalledTimes(1);
    reporter.seen(now()); // its own write
    const target = { namespace: 'default', name: 'web' };
    const others = { type: 'example.com/seen', status: 'True' };
    const change = (status: object): Promise<Pod> =>
      client.patch(
        PODS,
        target,
        { type: 'merge', body: { status }, subresource: 'status' },
        signal,
      );
    reporter.seen(await change({ conditions: [...(now().status?.conditions ?? []), others] }));
    await new Promise(setImmediate);
    expect(patch).toHaveBeenCalledTimes(2);
    reporter.seen(await change({ message: 'lost', reason: 'NodeLost' }));
    await vi.waitFor(() => expect(now().status?.reason).not.toBe('NodeLost'));
    expect(now().status?.conditions).toContainEqual(others);
    expect(patch).toHaveBeenCalledTimes(4);
  });
});
