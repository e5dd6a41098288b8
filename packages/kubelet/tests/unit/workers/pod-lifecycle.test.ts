import { KubeError, PODS } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { PodRejected, StartError } from '../../../src/pod/index.js';
import { aContainer, anObservation, aPod, aSandbox } from '../../../src/testing/index.js';
import { VolumeError } from '../../../src/volumes/index.js';
import { Harness } from '../../support/pod-harness.js';

let node: Harness;

beforeEach(() => {
  node = new Harness();
  node.start();
});

afterEach(() => node.stop());

const podsOnDisk = () => node.volumes.podsOnDisk(new AbortController().signal);

describe('a pod begins', () => {
  it('goes from created to Running and Ready without waiting for a timer', async () => {
    await node.create(aPod());
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
    expect(node.status()).toMatchObject({
      phase: 'Running',
      hostIP: '10.0.0.1',
      podIP: '10.1.0.1',
      podIPs: [{ ip: '10.1.0.1' }],
      qosClass: 'BestEffort',
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          started: true,
          restartCount: 0,
          containerID: 'containerd://app-2',
        },
      ],
    });
    expect(node.condition('Ready')).toBe('True');
    expect(node.condition('PodReadyToStartContainers')).toBe('True');
  });

  it('writes only what changed, never reads before it writes', async () => {
    await node.create(aPod());
    const verbs = node.api.calls.map(({ verb }) => verb);
    expect(verbs).not.toContain('get');
    const patches = node.api.calls.filter(({ verb }) => verb === 'patch');
    const last = patches.at(-1)?.body as { body: { metadata: unknown; status: object } };
    expect(last.body.metadata).toEqual({ uid: node.uid() });
    // One patch reports all steps of an ordinary start, when the pod runs.
    expect(patches).toHaveLength(1);

    node.runtime.exit(node.uid(), 'app', 1);
    await node.advance(1000);
    const next = node.api.calls.filter(({ verb }) => verb === 'patch').slice(1);
    expect(next.length).toBeGreaterThan(0);
    expect(JSON.stringify(next)).not.toContain('startTime');
    const told = 1 + next.length;
    await node.advance(120_000);
    expect(node.api.calls.filter(({ verb }) => verb === 'patch')).toHaveLength(told);
  });

  it('runs init containers in order, then the rest', async () => {
    node.runtime.behaviour.set('i1', { exitsAtOnceWith: 0 });
    node.runtime.behaviour.set('i2', { exitsAtOnceWith: 0 });
    await node.create(aPod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] }));
    expect(node.calls()).toEqual(['create-sandbox 0', 'start i1', 'start i2', 'start app']);
    expect(node.status().phase).toBe('Running');
    expect(node.status().initContainerStatuses?.map(({ ready }) => ready)).toEqual([true, true]);
  });

  it('waits for volumes before it creates anything', async () => {
    node.volumes.problem = new Error('secret "s" not found');
    await node.create(aPod());
    expect(node.calls()).toEqual([]);
    expect(node.status().phase).toBe('Pending');
    node.volumes.problem = undefined;
    await node.advance(2000);
    expect(node.status().phase).toBe('Running');
  });

  it('retries volumes after half a second, then twice as long each time, two minutes at most', async () => {
    node.volumes.problem = new Error('secret "s" not found');
    await node.create(aPod());
    for (const ms of [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000, 122_000]) {
      const before = node.volumes.prepared;
      await node.advance(ms - 1);
      expect(node.volumes.prepared).toBe(before);
      await node.advance(1);
      expect(node.volumes.prepared).toBe(before + 1);
    }
  });

  it('looks every 5 s for volumes that others are at work on', async () => {
    node.volumes.problem = new VolumeError('VOLUME_PENDING', 'not attached');
    await node.create(aPod());
    for (const ms of [500, 1000, 2000, 4000, 5000, 5000]) {
      const before = node.volumes.prepared;
      await node.advance(ms - 1);
      expect(node.volumes.prepared).toBe(before);
      await node.advance(1);
      expect(node.volumes.prepared).toBe(before + 1);
    }
  });

  it('needs a network, unless it uses the host’s', async () => {
    node.node.network = 'cni plugin not initialized';
    await node.create(aPod());
    await node.create(aPod({ name: 'host', uid: 'uid-2', hostNetwork: true }));
    expect(node.status().phase).toBe('Pending');
    expect(node.status('host').phase).toBe('Running');
    expect(node.events.lines).toEqual([
      'Warning NetworkNotReady web: network is not ready: cni plugin not initialized',
    ]);
    node.node.network = undefined;
    await node.advance(1000);
    expect(node.status().phase).toBe('Running');
  });

  it('is refused if the node has no room for it', async () => {
    await node.create(aPod({ containers: [{ resources: { requests: { cpu: '1000' } } }] }));
    expect(node.calls()).toEqual([]);
    expect(node.status()).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message:
        "Pod was rejected: Node didn't have enough resource: cpu, " +
        'requested: 1000000, used: 0, capacity: 2000',
    });
    expect(node.status().containerStatuses).toBeUndefined();
    await node.delete();
    expect(node.pod()).toBeUndefined();
  });

  it('is refused, even if it was admitted, when the node cannot have its volumes', async () => {
    const message = 'Node has reached its volume attachment limit, rejecting pod.';
    node.volumes.problem = new PodRejected('VolumeAttachmentLimitExceeded', message);
    await node.create(aPod());
    expect(node.calls()).toEqual([]);
    expect(node.status()).toMatchObject({
      phase: 'Failed',
      reason: 'VolumeAttachmentLimitExceeded',
      message: `Pod was rejected: ${message}`,
    });
    expect(node.events.lines).toEqual([`Warning VolumeAttachmentLimitExceeded web: ${message}`]);
    const rejected = 'kubelet_admission_rejections_total{reason="VolumeAttachmentLimitExceeded"}';
    expect(node.metrics.values.get(rejected)).toBe(1);
    await node.advance(600_000);
    expect(node.volumes.prepared).toBe(1);
    await node.delete();
    expect(node.pod()).toBeUndefined();
  });
});

describe('a start fails', () => {
  it('shows why the container waits, and retries', async () => {
    node.runtime.onCall = (verb) => {
      if (verb === 'start') throw new StartError('ErrImagePull', 'no such image');
    };
    await node.create(aPod());
    const waiting = node.status().containerStatuses?.[0]?.state?.waiting;
    expect(waiting).toEqual({ reason: 'ErrImagePull', message: 'no such image' });
    expect(node.status().phase).toBe('Pending');

    node.runtime.onCall = undefined;
    await node.advance(1000);
    expect(node.status().phase).toBe('Running');
  });

  it('waits longer after each failure, even when its own changes wake it', async () => {
    let tries = 0;
    node.runtime.onCall = (verb) => {
      if (verb !== 'create-sandbox') return;
      tries += 1;
      throw new Error(`no network, try ${tries}`);
    };
    await node.create(aPod());
    const counts = [tries];
    for (const ms of [1000, 2000, 4000, 8000, 10_000]) {
      node.workers.wake(node.uid());
      await node.advance(ms - 1);
      await node.advance(1);
      counts.push(tries);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
    expect(node.events.lines[0]).toBe(
      'Warning FailedCreatePodSandBox web: Failed to create pod sandbox: no network, try 1',
    );
  });

  it('to remove ended containers does not keep a deleted pod in the API, and is retried', async () => {
    await node.create(aPod());
    const uid = node.uid();
    node.runtime.onCall = (verb) => {
      if (verb.startsWith('remove')) throw new Error('cannot delete running task');
    };
    await node.delete();
    expect(node.pod()).toBeUndefined();
    expect(node.workers.uids).toEqual([uid]);
    node.runtime.onCall = undefined;
    await node.advance(20_000);
    expect(node.workers.uids).toEqual([]);
  });

  it('to stop a sandbox is retried at once, without a warning if that works', async () => {
    await node.create(aPod());
    let failures = 1;
    node.runtime.onCall = (verb) => {
      if (verb === 'stop-sandbox' && (failures -= 1) >= 0) throw new Error('ttrpc: closed');
    };
    await node.delete();
    expect(failures).toBeLessThan(0);
    expect(node.pod()).toBeUndefined();
    expect(node.log.lines.filter(({ message }) => message === 'pod step failed')).toEqual([]);
  });

  it('to remove a busy container causes a warning only if it persists', async () => {
    await node.create(aPod());
    let refusals = 6; // of the container and its sandbox, three times
    node.runtime.onCall = (verb) => {
      if (verb.startsWith('remove') && (refusals -= 1) >= 0) throw new Error('in starting state');
    };
    await node.delete();
    const told = () =>
      node.log.lines.filter(({ message }) => /step failed|not removed/.test(message));
    await node.advance(20_000);
    expect(node.workers.uids).toEqual([]);
    expect(told().map(({ level }) => level)).toEqual(Array.from({ length: 9 }, () => 'info'));

    await node.create(aPod());
    node.log.lines.splice(0);
    refusals = 8;
    await node.delete();
    await node.advance(40_000);
    expect(told().map(({ level }) => level)).toEqual([
      ...Array.from({ length: 9 }, () => 'info'),
      ...Array.from({ length: 3 }, () => 'warn'),
    ]);
  });

  it('to remove one container does not prevent removing the others', async () => {
    await node.create(aPod({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }));
    node.calls();
    node.runtime.onCall = (verb, id) => {
      if (verb === 'remove' && id === 'a-2') throw new Error('cannot delete running task');
    };
    await node.delete();
    const removals = node.calls().filter((call) => call.startsWith('remove'));
    expect(new Set(removals)).toEqual(
      new Set(['remove a-2', 'remove b-3', 'remove c-4', 'remove-sandbox sandbox-1']),
    );
    expect(await node.runtime.listPods(new AbortController().signal)).toEqual([]);
  });

  it('to observe the pod has its own event', async () => {
    node.runtime.onCall = (verb) => {
      if (verb === 'observe') throw new Error('runtime is away');
    };
    await node.create(aPod());
    expect(node.events.lines[0]).toBe(
      'Warning FailedSync web: error determining status: runtime is away',
    );
  });

  it('to create its cgroup, or to observe its sandbox, has its own event', async () => {
    node.runtime.onCall = (verb) => {
      if (verb !== 'create-sandbox') return;
      const text = 'unable to ensure pod container exists: EPERM';
      throw new StartError('FailedCreatePodContainer', text);
    };
    await node.create(aPod());
    expect(node.events.lines.splice(0)).toEqual([
      'Warning FailedCreatePodContainer web: unable to ensure pod container exists: EPERM',
    ]);
    let made = false;
    node.runtime.onCall = (verb) => {
      made ||= verb === 'create-sandbox';
      if (verb === 'observe' && made) throw new Error('no such sandbox');
    };
    await node.advance(1000);
    expect(node.events.lines[0]).toBe(
      'Warning FailedPodSandBoxStatus web: Unable to get pod sandbox status: no such sandbox',
    );
  });

  it('of one container does not prevent the others from starting', async () => {
    node.runtime.onCall = (verb, name) => {
      if (verb === 'start' && name === 'a') throw new StartError('ErrImagePull', 'no such image');
    };
    await node.create(aPod({ containers: [{ name: 'a' }, { name: 'b' }] }));
    const [a, b] = node.status().containerStatuses ?? [];
    expect(a?.state?.waiting?.reason).toBe('ErrImagePull');
    expect(b?.state?.running).toBeDefined();
  });
});

describe('a container ends', () => {
  it('is restarted at once, then 10 s, 20 s, 40 s … after it ended', async () => {
    node.runtime.behaviour.set('app', { exitsAtOnceWith: 1 });
    await node.create(aPod());
    // The first restart is immediate, so both ran at the very beginning.
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app', 'start app', 'remove app-2']);
    const startedAtMs: number[] = [];
    node.runtime.onCall = (verb) => {
      if (verb === 'start') startedAtMs.push(node.clock.nowMs());
    };
    const beganMs = node.clock.nowMs();
    for (let second = 0; second < 1000; second += 1) await node.clock.advance(1000);
    await node.settle();
    const gaps = startedAtMs.map((ms, i) => (ms - (startedAtMs[i - 1] ?? beganMs)) / 1000);
    expect(gaps).toEqual([10, 20, 40, 80, 160, 300, 300]);

    const [app] = node.status().containerStatuses ?? [];
    expect(app?.state?.waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: `back-off 5m0s restarting failed container=app pod=web_default(${node.uid()})`,
    });
    expect(app?.lastState?.terminated?.exitCode).toBe(1);
    expect(app?.restartCount).toBe(8);
    expect(node.status().phase).toBe('Running');
    expect(node.events.lines.filter((line) => line.includes('BackOff'))).toHaveLength(8);
  });

  it('has no back-off after it has run for ten minutes', async () => {
    await node.create(aPod());
    const uid = node.uid();
    node.runtime.exit(uid, 'app', 1);
    await node.settle();
    await node.advance(20_000);
    node.runtime.exit(uid, 'app', 1);
    await node.settle();
    node.calls();
    await node.advance(601_000);
    node.runtime.exit(uid, 'app', 1);
    await node.settle();
    expect(node.calls()).toContain('start app');
  });

  it('for good: the pod is finished and keeps its logs and addresses', async () => {
    await node.create(aPod({ restartPolicy: 'Never' }));
    const ip = node.status().podIP;
    node.runtime.exit(node.uid(), 'app', 3);
    await node.settle();
    expect(node.status()).toMatchObject({
      phase: 'Failed',
      podIP: ip,
      containerStatuses: [{ state: { terminated: { exitCode: 3 } } }],
    });
    expect(node.condition('Ready')).toBe('False');
    expect(node.runtime.calls.filter((call) => call.startsWith('remove '))).toEqual([]);
    expect(node.pod()).toBeDefined();
  });

  it('when its sandbox is lost: everything is created again', async () => {
    await node.create(aPod());
    node.calls();
    node.runtime.loseSandbox(node.uid());
    await node.settle();
    expect(node.calls()).toContain('create-sandbox 1');
    expect(node.status().phase).toBe('Running');
    expect(node.status().containerStatuses?.[0]?.restartCount).toBe(1);
    expect(node.events.lines).toContain(
      'Normal SandboxChanged web: Pod sandbox changed, it will be killed and re-created.',
    );
  });

  it('when its sandbox is lost: init containers run again, and their restart counts continue', async () => {
    for (const name of ['i1', 'i2']) node.runtime.behaviour.set(name, { exitsAtOnceWith: 0 });
    await node.create(aPod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] }));
    for (const count of [1, 2]) {
      node.runtime.loseSandbox(node.uid());
      await node.settle();
      const statuses = node.status().initContainerStatuses ?? [];
      expect(statuses.map(({ restartCount }) => restartCount)).toEqual([count, count]);
    }
  });

  it('because of its liveness probe, with the probe’s grace period', async () => {
    await node.create(
      aPod({ containers: [{ livenessProbe: { terminationGracePeriodSeconds: 7 } }] }),
    );
    node.calls();
    node.probes.set(node.uid(), 'app-2', { liveness: 'failure' });
    node.workers.probed(node.uid());
    await node.settle();
    expect(node.calls()).toEqual(['stop app 7', 'start app']);
    expect(node.status().containerStatuses?.[0]?.restartCount).toBe(1);
  });
});

describe('readiness', () => {
  const probed = aPod({ containers: [{ readinessProbe: {}, startupProbe: {} }] });

  it('follows the probes at once', async () => {
    await node.create(probed);
    const id = 'app-2';
    expect(node.status().containerStatuses?.[0]).toMatchObject({ started: false, ready: false });
    node.probes.set(node.uid(), id, { startup: 'success', readiness: 'failure' });
    node.workers.probed(node.uid());
    await node.settle();
    expect(node.status().containerStatuses?.[0]).toMatchObject({ started: true, ready: false });
    node.probes.set(node.uid(), id, { startup: 'success', readiness: 'success' });
    node.workers.probed(node.uid());
    await node.settle();
    expect(node.condition('Ready')).toBe('True');
  });

  it('outlives a restart of the kubelet, until a probe reports otherwise', async () => {
    await node.create(probed);
    const uid = node.uid();
    node.probes.set(uid, 'app-2', { startup: 'success', readiness: 'success' });
    node.workers.probed(uid);
    await node.settle();
    node.probes.remove(uid);
    await node.restart();
    expect(node.condition('Ready')).toBe('True');
    node.probes.set(uid, 'app-2', { startup: 'success', readiness: 'failure' });
    node.workers.probed(uid);
    await node.settle();
    expect(node.condition('Ready')).toBe('False');
  });
});

describe('a pod is deleted', () => {
  it('stops with its grace period, reports how it ended, and is released when nothing is left', async () => {
    await node.create(aPod());
    const uid = node.uid();
    node.calls();
    node.runtime.behaviour.set('app', { ignoresStop: true });
    await node.delete('web', 20);
    expect(node.calls()).toEqual(['stop app 20']);
    expect(node.pod()).toBeDefined();
    expect(node.status().phase).toBe('Running');

    const phases: (string | undefined)[] = [];
    node.api.onCall = ({ verb }) => {
      if (verb === 'delete') phases.push(node.status().phase);
    };
    await node.advance(20_000);
    expect(node.calls()).toEqual([
      'stop-sandbox sandbox-1',
      'remove app-2',
      'remove-sandbox sandbox-1',
    ]);
    expect(phases).toEqual(['Failed']);
    expect(node.pod()).toBeUndefined();
    expect(await podsOnDisk()).toEqual([]);
    const last = node.api.calls.findLast(({ verb }) => verb === 'delete');
    expect(last?.body).toEqual({ gracePeriodSeconds: 0, uid });
    expect(node.workers.uids).toEqual([]);
  });

  it('has less time if it is deleted again with less', async () => {
    await node.create(aPod());
    node.calls();
    node.runtime.behaviour.set('app', { ignoresStop: true });
    await node.delete('web', 100);
    await node.delete('web', 5);
    expect(node.calls()).toEqual(['stop app 100', 'stop app 5']);
    await node.advance(5000);
    expect(node.pod()).toBeUndefined();
  });

  it('while it is being started: the start is cancelled', async () => {
    let cancelled = false;
    node.runtime.onCall = async (verb, _, signal) => {
      if (verb !== 'start') return;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      cancelled = true;
    };
    await node.create(aPod());
    await node.delete();
    expect(cancelled).toBe(true);
    expect(node.pod()).toBeUndefined();
  });

  it('by force: its containers are gone within two seconds, without a status', async () => {
    await node.create(aPod());
    const uid = node.uid();
    node.calls();
    node.runtime.behaviour.set('app', { ignoresStop: true });
    const before = node.api.calls.length;
    await node.delete('web', 0);
    expect(node.pod()).toBeUndefined();
    expect(node.calls()).toEqual(['stop app 1']);
    await node.advance(2000);
    expect((await node.runtime.observe(uid, new AbortController().signal)).sandboxes).toEqual([]);
    expect(node.workers.uids).toEqual([]);
    expect(node.api.calls.slice(before).map(({ verb }) => verb)).toEqual(['delete']);
  });

  it('sidecars stop after the others, in reverse order', async () => {
    await node.create(
      aPod({
        initContainers: [
          { name: 's1', restartPolicy: 'Always' },
          { name: 's2', restartPolicy: 'Always' },
        ],
      }),
    );
    const ended: string[] = [];
    node.runtime.onCall = () => undefined;
    const stopContainer = node.runtime.stopContainer.bind(node.runtime);
    node.runtime.stopContainer = async (request, signal) => {
      await stopContainer(request, signal);
      ended.push(request.name);
    };
    await node.delete();
    expect(ended).toEqual(['app', 's2', 's1']);
    expect(node.pod()).toBeUndefined();
  });

  it('retries when the runtime does not stop it', async () => {
    await node.create(aPod());
    let refusals = 2;
    node.runtime.onCall = (verb) => {
      if (verb === 'stop' && refusals-- > 0) throw new Error('runtime is busy');
    };
    await node.delete();
    expect(node.events.lines).toContain(
      'Warning FailedKillPod web: error killing pod: runtime is busy',
    );
    expect(node.pod()).toBeDefined();
    await node.advance(1000);
    await node.advance(2000);
    expect(node.pod()).toBeUndefined();
  });
});

describe('another client ends the pod', () => {
  it('its status stays, and everything is stopped', async () => {
    await node.create(aPod());
    const status = { phase: 'Failed', reason: 'NodeLost', message: 'the node was away' };
    const patch = { type: 'merge', body: { status }, subresource: 'status' } as const;
    const name = { namespace: 'default', name: 'web' };
    await node.api.patch(PODS, name, patch, new AbortController().signal);
    await node.settle();
    expect(node.calls()).toContain('stop app 30');
    expect(node.status()).toMatchObject(status);
  });
});

describe('activeDeadlineSeconds', () => {
  it('ends the pod when it expires', async () => {
    await node.create(aPod({ activeDeadlineSeconds: 5 }));
    await node.advance(4000);
    expect(node.status().phase).toBe('Running');
    await node.advance(1000);
    expect(node.status()).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
  });
});

describe('the kubelet restarts', () => {
  it('leaves running containers alone', async () => {
    await node.create(aPod());
    const before = node.status();
    node.calls();
    await node.restart();
    await node.advance(5000);
    expect(node.calls()).toEqual([]);
    expect(node.status()).toEqual(before);
  });

  it('finishes a deletion that it did not see', async () => {
    await node.create(aPod());
    await node.stop();
    node.calls();
    await node.api.delete(
      PODS,
      { namespace: 'default', name: 'web' },
      {},
      new AbortController().signal,
    );
    await node.restart();
    expect(node.calls()).toContain('stop app 30');
    expect(node.pod()).toBeUndefined();
  });

  it('removes pods that are in no source, but not before it knows all sources', async () => {
    const orphan = aPod({ name: 'ghost', uid: 'ghost' });
    await node.stop();
    node.runtime.seed(orphan, anObservation([aSandbox()], [aContainer()]));
    node.volumes.disk.makeDirectory(`${node.volumes.rootDir}/pods/old-directory`);
    let listed = (): void => undefined;
    const gate = new Promise<void>((resolve) => (listed = resolve));
    node.api.onCall = ({ verb }) => (verb === 'list' ? gate : undefined);
    node.start();
    await node.advance(10_000);
    expect(node.calls()).toEqual([]);
    listed();
    await node.settle();
    await node.advance(2000);
    expect(node.calls()).toEqual([
      'stop app 1',
      'stop-sandbox sandbox-0',
      'remove app-0',
      'remove-sandbox sandbox-0',
    ]);
    expect(await podsOnDisk()).toEqual([]);
  });
});

describe('the API is away', () => {
  it('keeps running pods, and writes the newest status when it is back', async () => {
    await node.create(aPod());
    const away = new KubeError('KUBE_UNAVAILABLE', 'PATCH: connection refused');
    node.api.onCall = ({ verb }) => {
      if (verb === 'patch') throw away;
    };
    node.runtime.exit(node.uid(), 'app', 1);
    await node.settle();
    expect(node.calls()).toContain('start app');
    await node.advance(30_000);
    node.runtime.exit(node.uid(), 'app', 2);
    await node.settle();
    expect(node.status().containerStatuses?.[0]?.restartCount).toBe(0);
    node.api.onCall = undefined;
    await node.advance(30_000);
    expect(node.status().containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      lastState: { terminated: { exitCode: 2 } },
    });
  });
});

describe('an exit code that restarts the whole pod', () => {
  const rule = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } };
  const pod = aPod({
    restartPolicy: 'Never',
    initContainers: [{ name: 'i' }],
    containers: [{}, { name: 'b', restartPolicy: 'Never', restartPolicyRules: [rule] }],
  });

  it('removes all containers and starts them again in the same sandbox', async () => {
    node.runtime.behaviour.set('i', { exitsAtOnceWith: 0 });
    await node.create(pod);
    const before = node.calls();
    expect(before).toEqual(['create-sandbox 0', 'start i', 'start app', 'start b']);
    expect(node.condition('AllContainersRestarting')).toBe('False');
    node.runtime.exit(node.uid(), 'b', 42);
    await node.settle();
    const verbs = node.calls().map((call) => call.replace(/-\d+$/, ''));
    expect(verbs).toEqual([
      'stop app 0',
      ...['remove app', 'remove i', 'remove b'],
      ...['start i', 'start app', 'start b'],
    ]);
    expect(node.status().phase).toBe('Running');
    expect(node.condition('AllContainersRestarting')).toBe('False');
    const { initContainerStatuses = [], containerStatuses = [] } = node.status();
    const all = [...initContainerStatuses, ...containerStatuses];
    expect(all.map(({ name, restartCount }) => `${name} ${restartCount}`)).toEqual([
      ...['i 1', 'app 1', 'b 1'],
    ]);
    const last = containerStatuses.map(({ lastState }) => lastState?.terminated?.exitCode);
    expect(last).toEqual([137, 42]);
  });

  it('is reported while it is in progress', async () => {
    await node.create(pod);
    node.runtime.behaviour.set('i', { exitsAtOnceWith: 0 });
    node.runtime.exit(node.uid(), 'i', 0);
    await node.settle();
    node.runtime.onCall = (verb) => {
      if (verb === 'remove' || verb === 'start') throw new Error('not now');
    };
    node.runtime.exit(node.uid(), 'b', 42);
    await node.settle();
    expect(node.condition('AllContainersRestarting')).toBe('True');
    expect(node.status().phase).toBe('Running');
    node.runtime.onCall = (verb) => {
      if (verb === 'start') throw new Error('not now');
    };
    await node.advance(5000);
    expect(node.condition('AllContainersRestarting')).toBe('False');
    expect(node.status()).toMatchObject({
      phase: 'Running',
      containerStatuses: [
        { name: 'app', restartCount: 1, state: { waiting: { reason: 'RestartingAllContainers' } } },
        { name: 'b', restartCount: 1, lastState: { terminated: { exitCode: 42 } } },
      ],
    });
  });
});
