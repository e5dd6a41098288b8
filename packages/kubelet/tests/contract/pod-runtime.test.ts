import { containerId, CriError, sandboxId } from '@nodeagent/cri-client';
import { MemoryRuntime, type OptionalCall } from '@nodeagent/cri-client/testing';

import { StartError } from '../../src/pod/index.js';
import { podLogDirectory } from '../../src/runtime/plan/sandbox-config.js';
import {
  anObservation,
  aSandbox,
  createMemoryNode,
  MemoryPodEvents,
  MemoryPodRuntime,
} from '../../src/testing/index.js';
import { CALL_OF, makeSandboxElsewhere, reasonsOf } from '../support/cri-steps.js';
import { openNode } from '../support/opened-node.js';
import { startRunningClock } from '../support/running-clock.js';
import type { RuntimeScene, Step } from './pod-runtime/scene.js';
import { podRuntimeContract } from './pod-runtime-contract.js';

const IMAGE = 'nodeagent.test/busybox:1';
const LOGS = '/var/log/pods';

const onCri = (lacks: readonly OptionalCall[]) => async (): Promise<RuntimeScene> => {
  const { clock, stop } = startRunningClock();
  const { adapters, disk } = createMemoryNode({ clock });
  const cri = new MemoryRuntime({ clock, lacks, openLog: (path) => disk.append(path, '') });
  const { signal } = new AbortController();
  cri.images.add(IMAGE);
  cri.program('told', { stopExitCode: 3 });
  cri.program('hooked', { stopExitCode: 3, exec: () => ({ exitCode: 1 }) });
  cri.program('stubborn', { stopsAfterMs: 'never' });
  cri.program('task', { runsMs: 0, exit: { exitCode: 7 } });
  cri.program('success', { runsMs: 0 });
  cri.program('missing', { startFailure: 'exec: "/no/such/program": not found' });
  const node = await openNode({
    adapters,
    config: { podLogsDir: LOGS },
    identity: { nodeName: 'n1' },
    cri: { runtime: cri, images: cri.images, close: () => undefined },
  });
  return {
    runtime: node.runtime,
    view: node.view,
    image: IMAGE,
    listens: async () => undefined,
    end: async (id, { exitCode, message }) => {
      const { mounts } = await cri.containerStatus(containerId(id), signal);
      const file = mounts.find(({ containerPath }) => containerPath === '/dev/termination-log');
      disk.write(file?.hostPath ?? '', message);
      cri.exitContainer(containerId(id), { exitCode });
    },
    makeSandboxElsewhere: (pod) => makeSandboxElsewhere(cri, pod),
    killSandbox: async (id) => cri.killSandbox(sandboxId(id)),
    logs: async (pod) => {
      const prefix = `${podLogDirectory(LOGS, pod)}/`;
      const files = [...disk.files().keys()].filter((path) => path.startsWith(prefix));
      return files.map((path) => path.slice(prefix.length)).sort();
    },
    reasons: (pod) => reasonsOf(node.events, pod),
    fail: (step, when) => node.fail(CALL_OF[step], when),
    close: async () => {
      await node.close();
      stop();
    },
  };
};

podRuntimeContract('on a CRI runtime with events', onCri([]));
podRuntimeContract('on a CRI runtime without events', onCri(['containerEvents']));

/** The call that carries a step out, and the step after which a call ends. */
const PLACE_OF: Readonly<Record<Step, Readonly<{ before: string; after: string }>>> = {
  'create-sandbox': { before: 'create-sandbox', after: 'create-sandbox' },
  'create-container': { before: 'start', after: 'create' },
  'start-container': { before: 'create', after: 'start' },
  'stop-container': { before: 'stop', after: 'stop' },
  'remove-container': { before: 'remove', after: 'remove' },
  'stop-sandbox': { before: 'stop-sandbox', after: 'stop-sandbox' },
  'remove-sandbox': { before: 'remove-sandbox', after: 'remove-sandbox' },
  resize: { before: 'resize', after: 'resize' },
  observe: { before: 'observe', after: 'observe' },
};

function failureOf(step: Step): Error {
  const text = 'the connection broke';
  if (step === 'create-sandbox') return new StartError('CreatePodSandboxError', text);
  if (step === 'create-container') return new StartError('CreateContainerError', text);
  if (step === 'start-container') return new StartError('RunContainerError', text);
  return new CriError('CRI_UNAVAILABLE', text, { method: step });
}

podRuntimeContract('in memory', async () => {
  const { clock, stop } = startRunningClock();
  const runtime = new MemoryPodRuntime(clock);
  const events = new MemoryPodEvents();
  runtime.events = events;
  runtime.behaviour.set('told', { stopExitCode: 3 });
  runtime.behaviour.set('stubborn', { ignoresStop: true });
  runtime.behaviour.set('task', { exitsAtOnceWith: 7 });
  runtime.behaviour.set('success', { exitsAtOnceWith: 0 });
  runtime.behaviour.set('missing', { startFails: 'program' });
  runtime.behaviour.set('hooked', { startFails: 'hook' });
  runtime.behaviour.set('imageless', { startFails: 'image' });
  const podOf = async (id: string) => {
    const { signal } = new AbortController();
    for (const { uid } of await runtime.listPods(signal)) {
      const { sandboxes, containers } = await runtime.observe(uid, signal);
      const found = [...sandboxes, ...containers].find((one) => one.id === id);
      if (found !== undefined) return { uid, name: 'name' in found ? found.name : '' };
    }
    throw new Error(`nothing has the id ${id}`);
  };
  return {
    runtime,
    view: runtime,
    image: IMAGE,
    listens: async () => undefined,
    end: async (id, { exitCode, message }) => {
      const { uid, name } = await podOf(id);
      runtime.exit(uid, name, exitCode, message);
    },
    makeSandboxElsewhere: async (pod) => {
      runtime.seed(pod, anObservation([aSandbox({ id: 'foreign' })]));
      return 'foreign';
    },
    killSandbox: async (id) => runtime.loseSandbox((await podOf(id)).uid),
    logs: async (pod) => runtime.logs(pod.metadata?.uid ?? ''),
    reasons: ({ metadata }) =>
      events.lines
        .map((line) => line.split(' '))
        .flatMap(([, reason = '', name]) => (name === metadata?.name ? [reason] : [])),
    fail: (step, when) => {
      const place = PLACE_OF[step][when];
      const failOnce = (verb: string): void => {
        if (verb !== place) return;
        runtime.onCall = undefined;
        runtime.onDone = undefined;
        throw failureOf(step);
      };
      runtime.onCall = failOnce;
      runtime.onDone = failOnce;
      if (when === 'before' && place !== 'create') runtime.onDone = undefined;
      if (when === 'after') runtime.onCall = undefined;
    },
    close: async () => stop(),
  };
});
