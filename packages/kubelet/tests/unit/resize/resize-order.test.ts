import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { infeasibleResize, type ResizeRules } from '../../../src/resize/plan/resize-limits.js';
import { compareWishes, type ResizeWish } from '../../../src/resize/plan/resize-order.js';
import { aPod } from '../../../src/testing/index.js';

const res = (cpu: string, memory: string) => ({ requests: { cpu, memory } });
const both = (cpu: string, memory: string) => ({ ...res(cpu, memory), limits: { cpu, memory } });
const withRes = (resources: object, more: object = {}): Pod =>
  aPod({ containers: [{ resources }], ...more });

describe(compareWishes, () => {
  const wish = (name: string, parts: Partial<ResizeWish>): ResizeWish & { name: string } => ({
    ...{ name, waitsSinceMs: undefined },
    desired: withRes(res('2', '1Gi')),
    allocated: withRes(res('1', '1Gi')),
    ...parts,
  });

  it('orders decreases first, then by priority, class and waiting time', () => {
    const wishes = [
      wish('new', {}),
      wish('patient', { waitsSinceMs: 20 }),
      wish('most patient', { waitsSinceMs: 10 }),
      wish('guaranteed', {
        desired: withRes(both('2', '1Gi')),
        allocated: withRes(both('1', '1Gi')),
      }),
      wish('important', { desired: withRes(res('2', '1Gi'), { priority: 10 }) }),
      wish('less', { desired: withRes(res('500m', '1Gi')) }),
    ];
    const order = [...wishes].sort(compareWishes).map(({ name }) => name);
    expect(order).toEqual(['less', 'important', 'guaranteed', 'most patient', 'patient', 'new']);
  });
});

describe(infeasibleResize, () => {
  const no = (): boolean => false;
  const yes = (): boolean => true;
  const free: ResizeRules = { staticCpus: false, staticMemory: false, maySwap: no };
  const cpu = 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"';
  const memory =
    'Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"';
  const swap = 'In-place resize of containers with swap is not supported.';
  const restart = { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
  const before = both('1', '1Gi');

  it.each([
    ['anything, without a restriction', both('2', '2Gi'), {}, undefined],
    ['exclusive CPUs', both('2', '1Gi'), { staticCpus: true }, cpu],
    ['memory with exclusive CPUs', both('1', '2Gi'), { staticCpus: true }, undefined],
    ['memory of fixed NUMA nodes', both('1', '2Gi'), { staticMemory: true }, memory],
    ['CPUs of a burstable pod', res('2', '1Gi'), { staticCpus: true }, undefined],
    ['memory of a container that may swap', res('1', '2Gi'), { maySwap: yes }, swap],
    ['CPUs of a container that may swap', res('2', '1Gi'), { maySwap: yes }, undefined],
  ] as const)('%s', (_, wanted, rules, want) => {
    const found = infeasibleResize(withRes(wanted), withRes(before), { ...free, ...rules });
    expect(found?.message).toBe(want);
  });

  it('memory of a container that may swap and restarts for it', () => {
    const of = (resources: object): Pod => aPod({ containers: [{ resources, ...restart }] });
    const rules = { ...free, maySwap: yes };
    expect(infeasibleResize(of(res('1', '2Gi')), of(before), rules)).toBeUndefined();
  });
});
