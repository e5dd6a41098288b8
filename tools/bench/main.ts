/**
 * `npm run bench`: runs the benchmarks of the packages. Then it measures pod starts on a whole node
 * as a ratio to the bare runtime calls, alternating both in one run on one machine, and the memory
 * and CPU use of the two programs.
 *
 *   npm run bench -- --node-only --pods 100 --rounds 3
 *   npm run bench -- --streams-only
 *   npm run bench -- --volumes-only --pods 100 --single 20
 *   npm run bench -- --flood-only --rounds 3
 */
import { parseArgs } from 'node:util';

import type { KubeClient } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Containerd, startCluster, startContainerd } from '@nodeagent/testbed';

import { run } from '../test/process.ts';
import { createBarePods } from './bare-pods.ts';
import { createKubePods } from './kube-pods.ts';
import { cpuMs, readCalls, rssMib } from './memory.ts';
import { benchFlood } from './node-flood.ts';
import { benchPages } from './node-pages.ts';
import { benchStreams } from './node-streams.ts';
import { benchVolumes } from './node-volumes.ts';
import { settleDisk } from './settle.ts';
import { type Batch, median, quantile, timed } from './stats.ts';

const IMAGE = 'nodeagent.test/busybox:1';
const COMMAND = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'];
const AT_A_TIME = 10;
const ONLY = ['node-only', 'streams-only', 'volumes-only', 'flood-only'] as const;

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '100' },
    single: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '2' },
    'node-only': { type: 'boolean', default: false },
    'streams-only': { type: 'boolean', default: false },
    'volumes-only': { type: 'boolean', default: false },
    'flood-only': { type: 'boolean', default: false },
  },
});
const manyCount = Number(values.pods);
const singleCount = Number(values.single);
const rounds = Number(values.rounds);

const build = await run(['nx', 'run-many', '-t', 'build', '--output-style=static']);
if (build.exitCode !== 0) throw new Error(build.output);
const isWhole = !ONLY.some((only) => values[only]);
if (isWhole) {
  const bench = ['nx', 'run-many', '-t', 'bench', '--parallel=1', '--output-style=static'];
  const { exitCode } = await run(bench, { show: true });
  if (exitCode !== 0) throw new Error('the benchmarks of a package failed');
}

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

function report(what: string, ours: Batch, bare: Batch): void {
  const [a, b] = [median(ours.eachMs), median(bare.eachMs)];
  const p90 = quantile(ours.eachMs, 0.9);
  console.log(
    `${what}: p50 ${a.toFixed(0)} ms, bare ${b.toFixed(0)} ms, ratio ${(a / b).toFixed(2)} (p90 ${p90.toFixed(0)} ms); ` +
      `in all ${(ours.totalMs / 1000).toFixed(1)} s, bare ${(bare.totalMs / 1000).toFixed(1)} s, ratio ${(ours.totalMs / bare.totalMs).toFixed(2)}`,
  );
}

const joined = (batches: readonly Batch[]): Batch => ({
  eachMs: batches.flatMap(({ eachMs }) => eachMs),
  totalMs: batches.reduce((sum, { totalMs }) => sum + totalMs, 0),
});

if (isWhole || values['flood-only']) await benchFlood(rounds);
if (values['flood-only']) process.exit();

const cluster = await startCluster({
  name: 'bench',
  images: ['busybox'],
  // Every real cluster has one; without it each pod causes a warning event. And a measured log must
  // stay a single file: rotated files are compressed.
  kubeletConfig: { clusterDNS: ['10.96.0.10'], containerLogMaxSize: '4Gi' },
});
try {
  const client = createKubeClient(await loadKubeconfig({ path: cluster.kubeconfig }));
  if (!values['streams-only']) await benchPods(client);
  if (!values['volumes-only']) await benchStreams(cluster, client);
} finally {
  await cluster.stop();
}

async function benchPods(client: KubeClient): Promise<void> {
  const bareRuntime = await startContainerd({ name: 'bench-bare', images: ['busybox'] });
  try {
    await comparePods(client, bareRuntime);
  } finally {
    await bareRuntime.stop();
  }
}

async function comparePods(client: KubeClient, bareRuntime: Containerd): Promise<void> {
  const bare = await createBarePods(bareRuntime, IMAGE, COMMAND);
  const pods = await createKubePods(client, cluster.nodeName, { image: IMAGE, command: COMMAND });

  const volumes = { cluster, client, bare, pods, report, singleCount, manyCount };
  if (values['volumes-only']) {
    await bare.start('warm-up');
    await pods.start('warm-up');
    await bare.removeAll();
    await pods.removeAll();
    await benchVolumes(volumes);
    pods.stop();
    bare.close();
    return;
  }
  await bare.start('warm-up');
  await pods.start('warm-up');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  console.log(`kubelet with 1 pod: ${(await rssMib(cluster.kubelet.pid)).toFixed(0)} MiB`);

  // Alternating, so that a slow minute of the machine slows both.
  const single = { bare: [] as number[], ours: [] as number[] };
  for (let i = 0; i < singleCount; i += 1) {
    const one = await timed([() => bare.start(`single-${i}`)], 1);
    const other = await timed([() => pods.start(`single-${i}`)], 1);
    single.bare.push(...one.eachMs);
    single.ours.push(...other.eachMs);
  }
  const batchOf = (eachMs: readonly number[]): Batch => ({
    eachMs,
    totalMs: eachMs.reduce((sum, ms) => sum + ms, 0),
  });
  report('pod create → Running, one at a time', batchOf(single.ours), batchOf(single.bare));
  await bare.removeAll();
  await pods.removeAll();

  const half = Math.min(50, manyCount);
  await timed(
    names('half', half).map((name) => () => pods.start(name)),
    AT_A_TIME,
  );
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const { pid } = cluster.kubelet;
  console.log(`kubelet with ${half} pods: ${(await rssMib(pid)).toFixed(0)} MiB`);
  // by now it has released the memory that its start needed
  console.log(`kube-proxy idle: ${(await rssMib(cluster.proxy.pid)).toFixed(1)} MiB`);
  await pods.removeAll();

  // Alternating again, each after the other's remains have disappeared.
  const many = { bare: [] as Batch[], ours: [] as Batch[] };
  let cpu = 0;
  for (let round = 0; round < rounds; round += 1) {
    const named = names(`many-${round}`, manyCount);
    if (round > 0) await pods.removeAll();
    await settleDisk();
    const bareTasks = named.map((name) => () => bare.start(name));
    many.bare.push(await timed(bareTasks, AT_A_TIME));
    await bare.removeAll();
    await settleDisk();
    const cpuBefore = await cpuMs(pid);
    const tasks = named.map((name) => () => pods.start(name));
    many.ours.push(await timed(tasks, AT_A_TIME));
    cpu += (await cpuMs(pid)) - cpuBefore;
  }
  report(`${manyCount} pods, ${AT_A_TIME} at a time`, joined(many.ours), joined(many.bare));
  console.log(`kubelet CPU per pod start: ${(cpu / rounds / manyCount).toFixed(1)} ms`);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const [idleFrom, readsFrom] = [await cpuMs(pid), await readCalls(pid)];
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const idle = ((await cpuMs(pid)) - idleFrom) / 20_000;
  const reads = ((await readCalls(pid)) - readsFrom) / 20;
  console.log(
    `kubelet with ${manyCount} pods: ${(await rssMib(pid)).toFixed(0)} MiB, idle CPU ${(idle * 100).toFixed(1)} % of a core, ${reads.toFixed(0)} reads/s`,
  );
  await benchPages(cluster, manyCount);
  await pods.removeAll();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  console.log(`kubelet when all were removed: ${(await rssMib(pid)).toFixed(0)} MiB`);
  await benchVolumes(volumes);
  pods.stop();
  bare.close();
}
