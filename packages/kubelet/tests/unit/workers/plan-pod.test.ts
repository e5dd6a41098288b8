import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { PodAction } from '../../../src/pod/model/action.js';
import type { PodObservation } from '../../../src/pod/model/observation.js';
import type { ContainerResize } from '../../../src/pod/model/resize.js';
import type { ContainerVerdicts } from '../../../src/pod/model/verdict.js';
import {
  aContainer,
  anObservation,
  aPod,
  aSandbox,
  exited,
} from '../../../src/testing/builders.js';
import { DEFAULT_CRASH_LOOP_RULES } from '../../../src/workers/plan/crash-loop.js';
import { planPod } from '../../../src/workers/plan/plan-pod.js';

interface Case {
  readonly name: string;
  readonly pod?: Pod;
  readonly seen: PodObservation;
  readonly probes?: Readonly<Record<string, ContainerVerdicts>>;
  readonly restartCounts?: Readonly<Record<string, number>>;
  /** One line for each action: its kind and its object. */
  readonly want: readonly string[];
}

const fine = [aSandbox()];
const dead = aSandbox({ ready: false });
const one = aPod();
const never = aPod({ restartPolicy: 'Never' });
const onFailure = aPod({ restartPolicy: 'OnFailure' });
const withInits = aPod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] });
const withSidecar = aPod({
  initContainers: [{ name: 'side', restartPolicy: 'Always' }, { name: 'i2' }],
});
const probedSidecar = aPod({
  initContainers: [{ name: 'side', restartPolicy: 'Always', startupProbe: {} }],
});
const restartsAll = aPod({
  restartPolicy: 'Never',
  initContainers: [{ name: 'i1' }],
  containers: [
    { name: 'app' },
    {
      name: 'b',
      restartPolicy: 'Never',
      restartPolicyRules: [
        { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } },
      ],
    },
  ],
});
const b = aContainer({ name: 'b', image: 'app:1' });
const outOfMemory = { ...exited(0), reason: 'OOMKilled' } as const;
const i1 = aContainer({ name: 'i1', image: 'app:1' });
const i2 = aContainer({ name: 'i2', image: 'app:1' });
const side = aContainer({ name: 'side', image: 'app:1' });

const cases: readonly Case[] = [
  {
    name: 'a new pod gets its sandbox',
    seen: anObservation(),
    want: ['create-sandbox 0', 'start app 0'],
  },
  { name: 'a missing container is started', seen: anObservation(fine), want: ['start app 0'] },
  { name: 'a good pod is left alone', seen: anObservation(fine, [aContainer()]), want: [] },
  {
    name: 'an outdated container is replaced',
    seen: anObservation(fine, [aContainer({ specHash: 'old' })]),
    want: ['stop app', 'start app 1'],
  },
  {
    name: 'a container without a readable hash counts as outdated',
    seen: anObservation(fine, [aContainer({ specHash: undefined })]),
    want: ['stop app', 'start app 1'],
  },
  {
    name: 'a lost sandbox is emptied and created again',
    seen: anObservation([dead], [aContainer()]),
    want: ['stop-pod', 'create-sandbox 1', 'start app 1'],
  },
  {
    name: 'two ready sandboxes are one too many',
    seen: anObservation([aSandbox({ id: 's1', attempt: 1 }), aSandbox()]),
    want: ['stop-pod', 'create-sandbox 2', 'start app 0'],
  },
  {
    name: 'a sandbox without an address is replaced',
    seen: anObservation([aSandbox({ ips: [] })]),
    want: ['stop-pod', 'create-sandbox 1', 'start app 0'],
  },
  {
    name: 'a pod on the host network needs no address',
    pod: aPod({ hostNetwork: true }),
    seen: anObservation([aSandbox({ network: 'node', ips: [] })], [aContainer()]),
    want: [],
  },
  {
    name: 'the network mode changed',
    pod: aPod({ hostNetwork: true }),
    seen: anObservation(fine),
    want: ['stop-pod', 'create-sandbox 1', 'start app 0'],
  },
  {
    name: 'Never: a lost sandbox is not replaced once something ran',
    pod: never,
    seen: anObservation([dead], [aContainer({ state: exited(137) })]),
    want: [],
  },
  {
    name: 'OnFailure: a succeeded container does not run again in a new sandbox',
    pod: onFailure,
    seen: anObservation([dead], [aContainer({ state: exited(0) })]),
    want: [],
  },
  {
    name: 'OnFailure: a failed container runs again in a new sandbox',
    pod: onFailure,
    seen: anObservation([dead], [aContainer({ state: exited(1) })]),
    want: ['stop-pod', 'create-sandbox 1', 'start app 1'],
  },
  {
    name: 'Always restarts after success',
    seen: anObservation(fine, [aContainer({ state: exited(0), restartCount: 4 })]),
    want: ['start app 5'],
  },
  {
    name: 'OnFailure is done after success, and the sandbox is stopped',
    pod: onFailure,
    seen: anObservation(fine, [aContainer({ state: exited(0) })]),
    want: ['stop-pod'],
  },
  {
    name: 'Never is done after failure',
    pod: never,
    seen: anObservation(fine, [aContainer({ state: exited(1) })]),
    want: ['stop-pod'],
  },
  {
    name: 'one of two is done, and the other keeps running',
    pod: aPod({ restartPolicy: 'Never', containers: [{ name: 'a' }, { name: 'b' }] }),
    seen: anObservation(fine, [
      aContainer({ name: 'a', image: 'app:1', state: exited(0) }),
      aContainer({ name: 'b', image: 'app:1' }),
    ]),
    want: [],
  },
  {
    name: "a container's own policy beats the pod's",
    pod: aPod({ restartPolicy: 'Never', containers: [{ restartPolicy: 'OnFailure' }] }),
    seen: anObservation(fine, [aContainer({ state: exited(1) })]),
    want: ['start app 1'],
  },
  {
    name: 'a restart rule overrides every policy',
    pod: aPod({
      containers: [
        {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        },
      ],
    }),
    seen: anObservation(fine, [aContainer({ state: exited(42) })]),
    want: ['start app 1'],
  },
  {
    name: 'a created container that never started is started',
    seen: anObservation(fine, [aContainer({ state: { kind: 'created' } })]),
    want: ['start app 1'],
  },
  {
    name: 'a container in an unknown state is stopped and restarted',
    seen: anObservation(fine, [aContainer({ state: { kind: 'unknown' } })]),
    want: ['stop app', 'start app 1'],
  },
  {
    name: 'failed liveness restarts',
    seen: anObservation(fine, [aContainer()]),
    probes: { 'app-0': { liveness: 'failure' } },
    want: ['stop app', 'start app 1'],
  },
  {
    name: 'failed startup restarts',
    seen: anObservation(fine, [aContainer()]),
    probes: { 'app-0': { startup: 'failure' } },
    want: ['stop app', 'start app 1'],
  },
  {
    name: 'failed readiness does not restart',
    seen: anObservation(fine, [aContainer()]),
    probes: { 'app-0': { readiness: 'failure' } },
    want: [],
  },
  {
    name: 'failed liveness under Never only stops',
    pod: never,
    seen: anObservation(fine, [aContainer()]),
    probes: { 'app-0': { liveness: 'failure' } },
    want: ['stop app'],
  },
  {
    name: 'the first init container starts alone',
    pod: withInits,
    seen: anObservation(),
    want: ['create-sandbox 0', 'start i1 0'],
  },
  {
    name: 'the plan waits for a running init container',
    pod: withInits,
    seen: anObservation(fine, [i1]),
    want: [],
  },
  {
    name: 'the next init container starts after its success',
    pod: withInits,
    seen: anObservation(fine, [{ ...i1, state: exited(0) }]),
    want: ['start i2 0'],
  },
  {
    name: 'the regular containers start after the last one',
    pod: withInits,
    seen: anObservation(fine, [
      { ...i2, state: exited(0) },
      { ...i1, state: exited(0) },
    ]),
    want: ['start app 0'],
  },
  {
    name: 'a failed init container runs again',
    pod: withInits,
    seen: anObservation(fine, [{ ...i1, state: exited(1) }]),
    want: ['start i1 1'],
  },
  {
    name: 'a failed init container ends the pod under Never',
    pod: aPod({ restartPolicy: 'Never', initContainers: [{ name: 'i1' }] }),
    seen: anObservation(fine, [{ ...i1, state: exited(1) }]),
    want: ['stop-pod'],
  },
  {
    name: 'init containers without records do not run again',
    pod: withInits,
    seen: anObservation(fine, [aContainer()]),
    want: [],
  },
  {
    name: 'init containers run again in a new sandbox',
    pod: withInits,
    seen: anObservation([dead], [{ ...i1, state: exited(0) }, aContainer({ state: exited(0) })]),
    want: ['stop-pod', 'remove i1', 'create-sandbox 1', 'start i1 1'],
  },
  {
    name: 'the restart count continues after a record was removed',
    pod: withInits,
    seen: anObservation([aSandbox({ attempt: 1 })]),
    restartCounts: { i1: 3 },
    want: ['start i1 3'],
  },
  {
    name: 'after a running sidecar the next init container starts',
    pod: withSidecar,
    seen: anObservation(fine, [side]),
    want: ['start i2 0'],
  },
  {
    name: 'the plan waits for a sidecar with a startup probe',
    pod: probedSidecar,
    seen: anObservation(fine, [side]),
    want: [],
  },
  {
    name: 'the plan continues after the startup probe succeeds',
    pod: probedSidecar,
    seen: anObservation(fine, [side]),
    probes: { 'side-0': { startup: 'success' } },
    want: ['start app 0'],
  },
  {
    name: 'a sidecar that failed its startup probe is restarted',
    pod: probedSidecar,
    seen: anObservation(fine, [side]),
    probes: { 'side-0': { startup: 'failure' } },
    want: ['stop side', 'start side 1'],
  },
  {
    name: 'a sidecar that ended is restarted beside running containers',
    pod: withSidecar,
    seen: anObservation(fine, [aContainer(), { ...side, state: exited(0) }]),
    want: ['start side 1'],
  },
  {
    name: 'a vanished sidecar is restarted beside running containers',
    pod: withSidecar,
    seen: anObservation(fine, [aContainer()]),
    want: ['start side 0'],
  },
  {
    name: 'an init container that ran out of memory has failed, whatever its exit code',
    pod: withInits,
    seen: anObservation(fine, [{ ...i1, state: outOfMemory }]),
    want: ['start i1 1'],
  },
  {
    name: 'an init container that ran out of memory fails the pod under Never',
    pod: aPod({ restartPolicy: 'Never', initContainers: [{ name: 'i1' }] }),
    seen: anObservation(fine, [{ ...i1, state: outOfMemory }]),
    want: ['stop-pod'],
  },
  {
    name: 'an exit code that restarts all containers removes them all, its own last',
    pod: restartsAll,
    seen: anObservation(fine, [
      { ...b, state: exited(42) },
      aContainer(),
      { ...i1, state: exited(0) },
    ]),
    want: ['stop app', 'remove app', 'remove i1', 'remove b'],
  },
  {
    name: 'an interrupted removal of all containers continues',
    pod: restartsAll,
    seen: anObservation(fine, [{ ...b, state: exited(42) }]),
    want: ['remove b'],
  },
  {
    name: 'the pod then starts with its init containers, in the same sandbox',
    pod: restartsAll,
    seen: anObservation(fine),
    want: ['start i1 0'],
  },
  {
    name: 'another exit code of the same container restarts nothing',
    pod: restartsAll,
    seen: anObservation(fine, [{ ...b, state: exited(1) }, aContainer()]),
    want: [],
  },
  {
    name: 'a pod that is being deleted is not restarted',
    pod: aPod({
      metadata: { name: 'web', uid: 'uid-1', deletionTimestamp: '2026-01-01T00:00:00Z' },
    }),
    seen: anObservation(fine, [aContainer({ state: exited(0) })]),
    want: ['stop-pod'],
  },
];

describe(planPod, () => {
  it.each(cases)('$name', ({ pod = one, seen, probes = {}, restartCounts = {}, want }) => {
    const plan = planPod(pod, seen, {
      nowMs: 20_000,
      crashLoops: new Map(),
      crashLoopRules: DEFAULT_CRASH_LOOP_RULES,
      probes: new Map(Object.entries(probes)),
      restartCounts: new Map(Object.entries(restartCounts)),
    });
    expect(plan.map(words)).toEqual(want);
    for (const { why } of plan) expect(why).not.toBe('');
  });
});

function words(action: PodAction): string {
  switch (action.kind) {
    case 'start-container':
      return `start ${action.name} ${action.restartCount}`;
    case 'stop-container':
      return `stop ${action.name}`;
    case 'remove-container':
      return `remove ${action.name}`;
    case 'hold-container':
      return `hold ${action.name} ${action.delayMs}`;
    case 'create-sandbox':
      return `create-sandbox ${action.attempt}`;
    case 'resize-pod': {
      const names = (of: readonly ContainerResize[]): string => of.map(({ name }) => name).join();
      return `resize memory ${names(action.memory)} cpu ${names(action.cpu)}`;
    }
    case 'remove-sandbox':
    case 'stop-pod':
      return action.kind;
  }
}
