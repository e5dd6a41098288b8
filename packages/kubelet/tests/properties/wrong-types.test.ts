import assert from 'node:assert/strict';

import { type Pod, withoutNulls } from '@nodeagent/kube-client';
import { defaultPod, validatePod } from '@nodeagent/pod-rules';
import { checkReader, mapped, mutatedTrees } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { judgePod } from '../../src/admission/index.js';
import { containerSpecHash, qosClass } from '../../src/pod/index.js';
import { allContainers } from '../../src/pod/model/pod-spec.js';
import { podGraceSeconds } from '../../src/pod/plan/grace.js';
import { podCgroupValues } from '../../src/resources/plan/pod-cgroup-values.js';
import { checkPod } from '../../src/sources/codec/check-pod.js';
import { apiReferenceOf } from '../../src/sources/plan/api-references.js';
import { podStatus } from '../../src/status/index.js';
import { aContainer, anObservation, aNode, aSandbox } from '../../src/testing/index.js';
import { deadlineLeftMs } from '../../src/workers/plan/deadline.js';
import { probeSetOf } from '../../src/workers/plan/probe-set.js';
import { numbersOf, text } from './values.js';

const NOW_MS = Date.UTC(2026, 10, 23);
const RULES = {
  sysctls: { kernel: [6, 1], allowedUnsafe: ['kernel.msg*'] },
  appArmor: true,
  features: { declared: new Set<string>(), podLevelResources: true },
} as const;

/**
 * As JSON from a watch; a value that is too deep to serialize is replaced by a pod of another
 * shape.
 */
const pods = mapped(
  mutatedTrees(recordedObjects('pods'), { keep: (path) => path.length === 0 }),
  (value) => withoutNulls(JSON.parse(text(value) || '{}')) as Pod,
);

const IS_TOLD_BY_CHECK = /^(?:[^:]*: (?:expected|required)|; )/;

function checked(pod: Pod): boolean {
  try {
    checkPod(pod);
    return true;
  } catch (error) {
    if (!(error instanceof TypeError && IS_TOLD_BY_CHECK.test(error.message))) throw error;
    return false;
  }
}

describe('Any object in place of a pod', () => {
  test('is refused with the names of its fields, or passes through all code that reads pods', async () => {
    let through = 0;
    await checkReader({
      name: 'checkPod and what comes after it',
      inputs: pods,
      read: (pod) => {
        if (!checked(pod)) return;
        through += 1;
        const judgement = judgePod(pod, { node: aNode(), others: [pod], rules: RULES });
        assert.ok(['admit', 'reject', 'ask-node', 'preempt'].includes(judgement.kind));
        assert.ok(Number.isFinite(podGraceSeconds(pod)));
        const leftMs = deadlineLeftMs(pod, pod.status ?? {}, NOW_MS);
        assert.ok(leftMs === undefined || !Number.isNaN(leftMs));
        assert.ok(['Guaranteed', 'Burstable', 'BestEffort'].includes(qosClass(pod)));
        for (const { spec } of allContainers(pod)) {
          containerSpecHash(spec);
          probeSetOf(spec);
        }
        apiReferenceOf(pod);
        const cgroup = { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: 100 };
        for (const number of numbersOf(podCgroupValues(pod, cgroup)))
          assert.ok(Number.isFinite(number), `${number}`);
        const status = podStatus({
          pod,
          previous: pod.status ?? {},
          seen: anObservation(
            [aSandbox()],
            allContainers(pod).map(({ spec: { name } }) => aContainer({ name })),
          ),
          probes: new Map(),
          waiting: new Map(),
          terminal: false,
          verdict: undefined,
          hostIps: ['10.0.0.1'],
          nowMs: NOW_MS,
        });
        JSON.stringify(status);
        validatePod(pod);
        defaultPod(pod.spec!);
      },
      share: 2000,
    });
    assert.ok(through > 200, `${through} went through`);
  });
});
