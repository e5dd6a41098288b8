import { type Pod, PODS } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

let kubelet: Harness;
const { signal } = new AbortController();

const resources = (cpu: string, memory = '1Gi') => ({ requests: { cpu, memory } });
const sized = (name: string, cpu: string, more: object = {}): Pod =>
  aPod({ name, uid: `uid-${name}`, containers: [{ resources: resources(cpu) }], ...more });

/** The spec requests other resources. */
async function resize(name: string, cpu: string, memory = '1Gi'): Promise<void> {
  const body = { spec: { containers: [{ name: 'app', resources: resources(cpu, memory) }] } };
  const patch = { type: 'strategic-merge', body } as const;
  await kubelet.api.patch(PODS, { namespace: 'default', name }, patch, signal);
  await kubelet.settle();
}

function conditionOf(name: string, type: string): string | undefined {
  const found = kubelet.status(name).conditions?.find((condition) => condition.type === type);
  return found && `${found.status} ${found.reason ?? ''} ${found.message ?? ''}`.trim();
}

const given = (name: string): unknown =>
  kubelet.status(name).containerStatuses?.[0]?.allocatedResources;
const inForce = (name: string): unknown =>
  kubelet.status(name).containerStatuses?.[0]?.resources?.requests;
const reasons = (): readonly string[] =>
  kubelet.events.lines
    .splice(0)
    .map((line) => line.split(':')[0] ?? '')
    .filter((line) => line.includes('Resize'));

beforeEach(async () => {
  kubelet = new Harness();
  await kubelet.startWithRecords();
});
afterEach(() => kubelet.stop());

describe('a pod that requests other resources', () => {
  it('gets them while it runs', async () => {
    await kubelet.create(sized('web', '500m'));
    kubelet.calls();
    await resize('web', '700m', '2Gi');
    expect(kubelet.calls()).toEqual(['resize app']);
    expect(given('web')).toEqual({ cpu: '700m', memory: '2Gi' });
    expect(inForce('web')).toEqual({ cpu: '700m', memory: '2Gi' });
    expect(conditionOf('web', 'PodResizeInProgress')).toBeUndefined();
    expect(kubelet.events.lines.filter((line) => line.includes('Resize'))).toEqual([
      'Normal ResizeStarted web: Pod resize started: {"containers":[{"name":"app","resources":' +
        '{"requests":{"cpu":"700m","memory":"2Gi"}}}],"generation":2}',
      'Normal ResizeCompleted web: Pod resize completed: {"containers":[{"name":"app","resources":' +
        '{"requests":{"cpu":"700m","memory":"2Gi"}}}],"generation":2}',
    ]);
  });

  it('keeps its resources while the node has no room, and gets others when a pod leaves', async () => {
    await kubelet.create(sized('other', '1'));
    await kubelet.create(sized('web', '500m'));
    kubelet.calls();
    await resize('web', '1500m');
    expect(conditionOf('web', 'PodResizePending')).toBe(
      "True Deferred Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
    );
    expect(given('web')).toEqual({ cpu: '500m', memory: '1Gi' });
    expect(kubelet.calls()).toEqual([]);
    expect(reasons()).toEqual(['Warning ResizeDeferred web']);
    await kubelet.delete('other', 0);
    expect(conditionOf('web', 'PodResizePending')).toBeUndefined();
    expect(inForce('web')).toEqual({ cpu: '1500m', memory: '1Gi' });
    expect(reasons()).toEqual(['Normal ResizeStarted web', 'Normal ResizeCompleted web']);
  });

  it('gets them when another pod shrinks', async () => {
    await kubelet.create(sized('other', '1'));
    await kubelet.create(sized('web', '500m'));
    await resize('web', '1500m');
    await resize('other', '100m');
    expect(inForce('web')).toEqual({ cpu: '1500m', memory: '1Gi' });
  });

  it('that withdraws the request no longer waits', async () => {
    await kubelet.create(sized('web', '500m'));
    await resize('web', '64');
    expect(conditionOf('web', 'PodResizePending')).toMatch(
      /^True Deferred Node didn't have enough/,
    );
    await resize('web', '500m');
    expect(conditionOf('web', 'PodResizePending')).toBeUndefined();
  });

  it('learns that it is infeasible with exclusive CPUs', async () => {
    kubelet.resizeRules = { ...kubelet.resizeRules, staticCpus: true };
    await kubelet.stop();
    await kubelet.startWithRecords();
    const both = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } };
    await kubelet.create(aPod({ containers: [{ resources: both }] }));
    const more = { requests: { ...both.requests, cpu: '2' }, limits: { ...both.limits, cpu: '2' } };
    const body = { spec: { containers: [{ name: 'app', resources: more }] } };
    const patch = { type: 'strategic-merge', body } as const;
    await kubelet.api.patch(PODS, { namespace: 'default', name: 'web' }, patch, signal);
    await kubelet.settle();
    expect(conditionOf('web', 'PodResizePending')).toBe(
      'True Infeasible Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"',
    );
    expect(reasons()).toEqual(['Warning ResizeInfeasible web']);
    await kubelet.advance(400_000);
    expect(reasons()).toEqual([]);
  });

  it('shows the runtime’s error, and is retried', async () => {
    await kubelet.create(sized('web', '500m'));
    kubelet.calls();
    kubelet.runtime.onCall = (verb) => {
      if (verb === 'resize') throw new Error('cannot decrease memory limits: in use');
    };
    await resize('web', '700m');
    expect(conditionOf('web', 'PodResizeInProgress')).toBe(
      'True Error cannot decrease memory limits: in use',
    );
    expect(given('web')).toEqual({ cpu: '700m', memory: '1Gi' });
    expect(inForce('web')).toEqual({ cpu: '500m', memory: '1Gi' });
    expect(reasons()).toEqual(['Normal ResizeStarted web', 'Warning ResizeError web']);
    kubelet.runtime.onCall = undefined;
    await kubelet.advance(15_000);
    expect(conditionOf('web', 'PodResizeInProgress')).toBeUndefined();
    expect(inForce('web')).toEqual({ cpu: '700m', memory: '1Gi' });
  });

  it('is restarted if its policy requires that', async () => {
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    await kubelet.create(aPod({ containers: [{ resources: resources('500m'), resizePolicy }] }));
    kubelet.calls();
    await resize('web', '700m');
    expect(kubelet.calls()).toEqual(['stop app 30', 'resize ', 'start app']);
    expect(kubelet.status().containerStatuses?.[0]?.restartCount).toBe(1);
  });
});

describe('a kubelet that was killed', () => {
  it('gives the pod its granted resources, and no more', async () => {
    await kubelet.create(sized('other', '1'));
    await kubelet.create(sized('web', '500m'));
    await resize('web', '1500m');
    kubelet.events.lines.splice(0);
    await kubelet.stop();
    await kubelet.startWithRecords();
    expect(given('web')).toEqual({ cpu: '500m', memory: '1Gi' });
    expect(conditionOf('web', 'PodResizePending')).toMatch(/^True Deferred/);
    expect(kubelet.status('web').phase).toBe('Running');
    expect(reasons()).toEqual([]);
    await kubelet.delete('other', 0);
    expect(inForce('web')).toEqual({ cpu: '1500m', memory: '1Gi' });
  });

  it('continues a resize in progress', async () => {
    await kubelet.create(sized('web', '500m'));
    kubelet.runtime.onCall = (verb) => {
      if (verb === 'resize') throw new Error('not now');
    };
    await resize('web', '700m');
    await kubelet.stop();
    kubelet.runtime.onCall = undefined;
    kubelet.calls();
    await kubelet.startWithRecords();
    expect(kubelet.calls()).toEqual(['resize app']);
    expect(conditionOf('web', 'PodResizeInProgress')).toBeUndefined();
    expect(inForce('web')).toEqual({ cpu: '700m', memory: '1Gi' });
  });

  it('keeps no record of removed pods', async () => {
    await kubelet.create(sized('web', '500m'));
    const uid = kubelet.uid();
    expect(kubelet.disk.get('allocated_pods_state')).toContain(uid);
    await kubelet.delete('web', 0);
    expect(kubelet.disk.get('allocated_pods_state')).not.toContain(uid);
    expect(kubelet.disk.get('actuated_pods_state')).not.toContain(uid);
  });
});

describe('a change that requires a disabled feature', () => {
  it('is reported, and applied as far as possible', async () => {
    await kubelet.stop();
    const features = { declared: new Set<string>(), podLevelResources: true };
    const sysctls = { kernel: [6, 1], allowedUnsafe: [] } as const;
    kubelet.admission = { rules: { sysctls, appArmor: false, features } };
    await kubelet.startWithRecords();
    await kubelet.create(sized('web', '500m'));
    const body = { spec: { resources: { requests: { cpu: '600m' } } } };
    const patch = { type: 'strategic-merge', body } as const;
    await kubelet.api.patch(PODS, { namespace: 'default', name: 'web' }, patch, signal);
    await kubelet.settle();
    expect(kubelet.events.lines).toContain(
      'Warning FailedNodeDeclaredFeaturesCheck web: Pod requires node features that are not ' +
        'available: InPlacePodLevelResourcesVerticalScaling',
    );
  });
});
