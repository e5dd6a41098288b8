import assert from 'node:assert/strict';

import { type Pod, withoutNulls } from '@nodeagent/kube-client';
import { defaultPod, validatePod } from '@nodeagent/pod-rules';
import { checkReader, mapped, mutatedTrees, type Path } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { judgePod } from '../../src/admission/index.js';
import { parsePodState, renderExplanation } from '../../src/explain/index.js';
import { explainPod } from '../../src/explain/run/index.js';
import { containerSpecHash, qosClass } from '../../src/pod/index.js';
import { allContainers } from '../../src/pod/model/pod-spec.js';
import { podGraceSeconds } from '../../src/pod/plan/grace.js';
import { podCgroupValues } from '../../src/resources/plan/pod-cgroup-values.js';
import { apiReferenceOf } from '../../src/sources/plan/api-references.js';
import { podStatus } from '../../src/status/index.js';
import { aContainer, anObservation, aNode, aSandbox, exited } from '../../src/testing/index.js';
import { deadlineLeftMs } from '../../src/workers/plan/deadline.js';
import { namedPorts, probeSetOf } from '../../src/workers/plan/probe-set.js';
import { EXPLAIN_SETTINGS } from '../support/explain-settings.js';
import { numbersOf } from './values.js';

const NOW_MS = Date.UTC(2026, 10, 23);

const settings = {
  ...EXPLAIN_SETTINGS,
  resolvConf: 'nameserver 10.0.0.2\nsearch example.org\n',
};

/** Fields that a server sets itself and never omits. */
function isAlwaysThere(path: Path): boolean {
  const [first, second] = path;
  if (path.length < 2) return first !== 'status';
  const isIdentity = ['name', 'namespace', 'uid', 'creationTimestamp'].includes(String(second));
  return first === 'metadata'
    ? isIdentity
    : first === 'spec' && second === 'containers' && path.length < 4;
}

const REQUIRED = new Set([
  'containerPort',
  'fieldPath',
  'image',
  'ip',
  'key',
  'kind',
  'lastTransitionTime',
  'mountPath',
  'name',
  'operator',
  'path',
  'port',
  'resource',
  'restartCount',
  'status',
  'state',
  'type',
]);

/** Fields that Go writes even if empty, and without which no server accepts a pod. */
function isRequired(path: Path): boolean {
  return REQUIRED.has(String(path.at(-1)));
}

const pods = mapped(
  mutatedTrees(recordedObjects('pods'), {
    kinds: 'typed',
    keep: isAlwaysThere,
    required: isRequired,
  }),
  (value) => withoutNulls(structuredClone(value)) as Pod,
);

describe('Any pod that an API server may send', () => {
  test('is defaulted, judged and admitted or refused', () =>
    checkReader({
      name: 'defaultPod, validatePod, judgePod',
      inputs: pods,
      read: (pod) => {
        defaultPod(pod.spec!);
        validatePod(pod);
        const rules = {
          sysctls: { kernel: [6, 1], allowedUnsafe: ['kernel.msg*'] },
          appArmor: true,
          features: { declared: new Set<string>(), podLevelResources: true },
        } as const;
        const judgement = judgePod(pod, { node: aNode(), others: [pod], rules });
        assert.ok(['admit', 'reject', 'ask-node', 'preempt'].includes(judgement.kind));
      },
      share: 4000,
    }));

  test('yields valid grace periods, deadlines, probes, hashes and cgroups', () =>
    checkReader({
      name: 'podGraceSeconds, deadlineLeftMs, probeSetOf, podCgroupValues',
      inputs: pods,
      read: (pod) => {
        assert.ok(Number.isFinite(podGraceSeconds(pod)));
        const leftMs = deadlineLeftMs(pod, pod.status ?? {}, NOW_MS);
        assert.ok(leftMs === undefined || !Number.isNaN(leftMs));
        assert.ok(['Guaranteed', 'Burstable', 'BestEffort'].includes(qosClass(pod)));
        for (const { spec: container } of allContainers(pod)) {
          containerSpecHash(container);
          probeSetOf(container);
          for (const number of numbersOf(namedPorts(container))) assert.ok(Number.isFinite(number));
        }
        apiReferenceOf(pod);
        const values = podCgroupValues(pod, {
          cpuCfsQuota: true,
          cpuPeriodUs: 100_000,
          podPidsLimit: 100,
        });
        for (const number of numbersOf(values)) assert.ok(Number.isFinite(number), `${number}`);
      },
      share: 4000,
    }));

  test('is planned and executed up to the calls to the runtime', () =>
    checkReader({
      name: 'explainPod',
      inputs: pods,
      read: async (pod) => {
        const explanation = await explainPod(pod, parsePodState({}, pod, 'state.yaml'), settings);
        for (const { failure } of explanation.actions) {
          assert.ok(
            failure === undefined ||
              !/Cannot read properties|is not (a function|iterable)|call stack/.test(failure),
            failure,
          );
        }
        renderExplanation(explanation);
      },
      share: 3000,
    }));

  test('gets a status for any observation', () =>
    checkReader({
      name: 'podStatus',
      inputs: pods,
      read: (pod) => {
        const names = allContainers(pod).map(({ spec }) => spec.name);
        const containers = names.flatMap((name, i) =>
          i % 3 === 2 ? [] : [aContainer({ name, ...(i % 3 === 1 ? { state: exited(1) } : {}) })],
        );
        const status = podStatus({
          pod,
          previous: pod.status ?? {},
          seen: anObservation([aSandbox()], containers),
          probes: new Map(),
          waiting: new Map(),
          terminal: false,
          verdict: undefined,
          hostIps: ['10.0.0.1'],
          nowMs: NOW_MS,
        });
        assert.ok(['Pending', 'Running', 'Succeeded', 'Failed'].includes(String(status.phase)));
        for (const number of numbersOf(status)) assert.ok(!Number.isNaN(number));
        JSON.stringify(status);
      },
      share: 4000,
    }));
});
