import type { CgroupLimits } from '@nodeagent/cgroups';
import { containerId, type ContainerStats, CriError } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { ContainerAmounts } from '../../../src/pod/index.js';
import { podCgroupValues } from '../../../src/resources/index.js';
import { resizePod, type ResizerPorts } from '../../../src/runtime/run/pod-resizer.js';
import { aPod } from '../../../src/testing/index.js';

const MIB = 2 ** 20;
const { signal } = new AbortController();
const settings = {
  cpuCfsQuota: true,
  cpuPeriodUs: 100_000,
  memoryCapacityBytes: 1024 * MIB,
  unified: {},
};
const rules = { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 };

const amounts = (cpuMilli: number, memoryMib: number): ContainerAmounts => ({
  cpuRequestMilli: cpuMilli,
  cpuLimitMilli: cpuMilli,
  memoryRequestBytes: memoryMib * MIB,
  memoryLimitBytes: memoryMib * MIB,
});

/** A pod with one container that has `from` and should get `to`. */
class Bench {
  readonly calls: string[] = [];
  usageBytes = MIB;
  failOn = '';
  sandboxAnswer: Error | undefined = new CriError('CRI_UNIMPLEMENTED', 'unknown method', {
    method: 'UpdatePodSandboxResources',
  });

  readonly from: ContainerAmounts;
  readonly to: ContainerAmounts;

  constructor(from: ContainerAmounts, to: ContainerAmounts) {
    this.from = from;
    this.to = to;
  }

  podOf({ cpuLimitMilli, memoryLimitBytes }: ContainerAmounts): Pod {
    const each = { cpu: `${cpuLimitMilli}m`, memory: String(memoryLimitBytes) };
    return aPod({ containers: [{ resources: { requests: each, limits: each } }] });
  }

  async run(): Promise<readonly string[]> {
    const pod = this.podOf(this.to);
    const change = { id: 'app-0', name: 'app', from: this.from, to: this.to };
    const request = { pod, sandboxId: 's0', memory: [change], cpu: [change] };
    await resizePod(request, this.#ports(), settings, signal);
    return this.calls;
  }

  #note(text: string): void {
    this.calls.push(text);
    if (this.failOn !== '' && text.startsWith(this.failOn)) throw new Error(`${text}: no`);
  }

  #ports(): ResizerPorts {
    const valuesOf = (of: ContainerAmounts): CgroupLimits =>
      podCgroupValues(this.podOf(of), rules) as CgroupLimits;
    return {
      cgroups: {
        limits: async () => valuesOf(this.from),
        wanted: () => valuesOf(this.to),
        setLimits: async (_, limits) => this.#note(`pod ${Object.keys(limits).join()}`),
        memoryUsage: async () => this.usageBytes,
      },
      cri: {
        updatePodSandboxResources: async () => {
          if (this.sandboxAnswer !== undefined) throw this.sandboxAnswer;
          this.#note('sandbox');
        },
        updateContainerResources: async ({ linux }) =>
          this.#note(`app ${linux?.cpuQuotaUs} us ${(linux?.memoryLimitBytes ?? 0) / MIB} MiB`),
        containerStats: async (): Promise<ContainerStats> => ({
          ...{ id: containerId('app-0'), labels: {}, annotations: {} },
          memory: { atMs: 0, usageBytes: this.usageBytes },
        }),
      },
      resources: {
        actuated: () => undefined,
        setActuated: (_, name, { limits }) =>
          void this.calls.push(`note ${name} ${limits?.['cpu']} ${limits?.['memory']}`),
        setActuatedPod: () => undefined,
        saved: async () => undefined,
      },
    };
  }
}

describe(resizePod, () => {
  it('increases the pod before its container', async () => {
    expect(await new Bench(amounts(100, 64), amounts(200, 128)).run()).toEqual([
      'pod memoryLimitBytes',
      'app 10000 us 128 MiB',
      `note app 100m ${128 * MIB}`,
      'pod cpuQuotaUs,cpuPeriodUs',
      'pod cpuShares',
      'app 20000 us 128 MiB',
      `note app 200m ${128 * MIB}`,
    ]);
  });

  it('decreases the container before its pod', async () => {
    expect(await new Bench(amounts(200, 128), amounts(100, 64)).run()).toEqual([
      'app 20000 us 64 MiB',
      `note app 200m ${64 * MIB}`,
      'pod memoryLimitBytes',
      'app 10000 us 64 MiB',
      `note app 100m ${64 * MIB}`,
      'pod cpuShares',
      'pod cpuQuotaUs,cpuPeriodUs',
    ]);
  });

  it('changes nothing if the memory in use would not fit', async () => {
    const bench = new Bench(amounts(100, 64), amounts(100, 32));
    bench.usageBytes = 40 * MIB;
    await expect(bench.run()).rejects.toThrow(
      `cannot decrease memory limits: [attempting to set pod memory limit (${32 * MIB}) below ` +
        `current usage (${40 * MIB}), attempting to set container "app" memory limit ` +
        `(${32 * MIB}) below current usage (${40 * MIB})]`,
    );
    expect(bench.calls).toEqual([]);
  });

  it('updates the sandbox before the pod, and reverts it if that fails', async () => {
    const bench = new Bench(amounts(100, 64), amounts(100, 128));
    bench.sandboxAnswer = undefined;
    bench.failOn = 'pod';
    await expect(bench.run()).rejects.toThrow('pod memoryLimitBytes: no');
    expect(bench.calls).toEqual(['sandbox', 'pod memoryLimitBytes', 'sandbox']);
  });

  it('passes on the refusal of a runtime', async () => {
    const bench = new Bench(amounts(100, 64), amounts(100, 128));
    bench.sandboxAnswer = new CriError('CRI_RESOURCE_EXHAUSTED', 'too much', { method: 'm' });
    await expect(bench.run()).rejects.toThrow('too much');
    expect(bench.calls).toEqual([]);
  });

  it('stops at the first failure, and records the changes so far', async () => {
    const bench = new Bench(amounts(100, 64), amounts(200, 128));
    bench.failOn = 'pod cpuQuotaUs';
    await expect(bench.run()).rejects.toThrow('no');
    expect(bench.calls.at(-2)).toBe(`note app 100m ${128 * MIB}`);
  });
});
