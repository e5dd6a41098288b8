import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  parsePodState,
  type PodExplanation,
  renderExplanation,
} from '../../../src/explain/index.js';
import { explainPod } from '../../../src/explain/run/index.js';
import { aPod } from '../../../src/testing/index.js';
import { EXPLAIN_SETTINGS } from '../../support/explain-settings.js';

function explain(pod: Pod, state: object = {}): Promise<PodExplanation> {
  return explainPod(pod, parsePodState(state, pod, 'state.yaml'), EXPLAIN_SETTINGS);
}

/** One line per step: the action, then its calls. */
const steps = ({ actions }: PodExplanation): readonly string[] =>
  actions.map(({ action, calls, failure }) => {
    const name = 'name' in action ? ` ${action.name}` : '';
    const end = failure === undefined ? '' : ` ! ${failure}`;
    return `${action.kind}${name}: ${calls.map(({ method }) => method).join(' ')}${end}`;
  });

const sandboxes = [{ attempt: 0 }];

describe(explainPod, () => {
  it('starts a pod that the node has never run', async () => {
    const pod = aPod({ containers: [{ name: 'a' }, { name: 'b', imagePullPolicy: 'Always' }] });
    expect(steps(await explain(pod))).toEqual([
      'create-sandbox: RunPodSandbox',
      'start-container a: CreateContainer StartContainer',
      'start-container b: PullImage CreateContainer StartContainer',
    ]);
  });

  it('does nothing for a pod in its desired state', async () => {
    const state = { sandboxes, containers: [{ name: 'app', state: 'running' }] };
    const explanation = await explain(aPod(), state);
    expect(explanation.actions).toEqual([]);
    expect(renderExplanation(explanation)).toContain('nothing to do');
  });

  it('restarts a container after a failed probe, with its hook and the probe’s grace period', async () => {
    const container = {
      livenessProbe: { terminationGracePeriodSeconds: 5 },
      lifecycle: { preStop: { exec: { command: ['drain'] } } },
    };
    const probes = { liveness: 'failure' };
    const state = { sandboxes, containers: [{ name: 'app', state: 'running', probes }] };
    const explanation = await explain(aPod({ containers: [container] }), state);
    expect(steps(explanation)).toEqual([
      'stop-container app: ExecSync StopContainer',
      'start-container app: CreateContainer StartContainer',
    ]);
    expect(explanation.actions[0]?.calls[1]?.request).toMatchObject({ timeout: 5 });
  });

  it('replaces a lost sandbox after stopping the containers in order', async () => {
    const pod = aPod({ initContainers: [{ name: 's', restartPolicy: 'Always' }] });
    const running = ['app', 's'].map((name) => ({ name, state: 'running' }));
    const state = { sandboxes: [{ attempt: 3, ready: false }], containers: running };
    const explanation = await explain(pod, state);
    expect(steps(explanation)).toEqual([
      'stop-pod: StopContainer StopContainer StopPodSandbox',
      'remove-container s: RemoveContainer',
      'create-sandbox: RunPodSandbox',
      'start-container s: CreateContainer StartContainer',
    ]);
    const [stop] = explanation.actions;
    const ids = stop?.calls.map(({ request }) => (request as { containerId?: string }).containerId);
    expect(ids?.slice(0, 2)).toEqual(['container-0', 'container-1']);
  });

  it('shows the rest of the back-off in a crash loop', async () => {
    const containers = [
      {
        name: 'app',
        state: 'exited',
        exitCode: 1,
        finishedAt: '2026-01-01T00:00:00Z',
        backOff: '40s',
      },
    ];
    const held = await explain(aPod(), { sandboxes, containers, now: '2026-01-01T00:00:10Z' });
    expect(held.actions.map(({ action }) => action)).toMatchObject([
      { kind: 'hold-container', untilMs: Date.UTC(2026, 0, 1, 0, 0, 40) },
    ]);
    const free = await explain(aPod(), { sandboxes, containers, now: '2026-01-01T00:01:00Z' });
    expect(steps(free)).toEqual(['start-container app: CreateContainer StartContainer']);
  });

  it('shows a missing key and an image that must not be pulled', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }];
    const pod = aPod({
      containers: [
        { name: 'a', env },
        { name: 'b', image: 'b:1', imagePullPolicy: 'Never' },
      ],
    });
    const state = {
      sandboxes,
      configMaps: { c: { x: '1' } },
      images: { 'b:1': { present: false } },
    };
    const [a, b] = steps(await explain(pod, state));
    expect(a).toContain("! couldn't find key k in ConfigMap default/c");
    expect(b).toContain('! Container image "b:1" is not present with pull policy of Never');
    const good = await explain(pod, { sandboxes, configMaps: { c: { k: 'v' } } });
    expect(JSON.stringify(good.actions[0]?.calls)).toContain('{"name":"A","value":"v"}');
  });

  it('names volumes of claims by their PersistentVolumes', async () => {
    const pod = aPod({
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'c' } },
        { name: 'raw', persistentVolumeClaim: { claimName: 'd' } },
      ],
      containers: [
        {
          name: 'a',
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
          volumeDevices: [{ name: 'raw', devicePath: '/dev/raw' }],
        },
      ],
    });
    const found = await explain(pod, { claims: { c: 'pv-1', d: 'pv-2' } });
    const text = JSON.stringify(found);
    expect(text).toContain('/pods/uid-1/volumes/kubernetes.io~csi/pv-1/mount');
    expect(text).toContain('/pods/uid-1/volumeDevices/kubernetes.io~csi/pv-2');
  });

  it('is readable text', async () => {
    const text = renderExplanation(await explain(aPod()));
    for (const line of [
      'pod default/web (uid-1)',
      '1. create sandbox, attempt 0',
      '   why: the pod has no sandbox yet',
      '2. start regular container app (restart count 0)',
      '         logPath: "app/0.log"',
      '       sandboxConfig: the config of RunPodSandbox',
      '   event: Normal Started app: Container started',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });
});

describe(parsePodState, () => {
  it.each([
    [{ containers: [{ name: 'a', state: 'asleep' }] }, 'containers.0.state'],
    [{ now: 'soon' }, 'must be a time like'],
    [{ containers: [{ name: 'a', state: 'exited', backOff: '10' }] }, 'must be a duration'],
    [{ pods: [] }, 'pods'],
  ])('refuses %j', (state, text) => {
    expect(() => parsePodState(state, aPod(), 'state.yaml')).toThrow(text);
  });
});
