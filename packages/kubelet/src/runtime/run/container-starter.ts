import { type Clock, type Logger, toPathSegment } from '@nodeagent/base';
import {
  containerId,
  type Device,
  type EnvVar,
  type Mount,
  type RuntimeService,
  type SandboxConfig,
  sandboxId,
} from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import { detailOf, type Images, type PulledImage } from '../../images/run/index.js';
import {
  allContainers,
  containerGraceSeconds,
  effectiveResources,
  findContainer,
  isStartError,
  LABEL_CONTAINER_NAME,
  type PodEvents,
  podNamespace,
  podUid,
  sameResources,
  type StartContainerRequest,
  StartError,
} from '../../pod/index.js';
import type { PodCgroups } from '../../resources/run/index.js';
import type { ObjectSource } from '../../volumes/index.js';
import type { ContainerVolumes } from '../../volumes/run/index.js';
import type { RuntimeSettings } from '../model/settings.js';
import { containerConfig, containerLogPath, nextRun } from '../plan/container-config.js';
import { type EnvFile, parseEnvFile } from '../plan/env-file.js';
import {
  buildEnvironment,
  envFileKey,
  type EnvFileName,
  environmentSources,
} from '../plan/environment.js';
import { logLinkName } from '../plan/log-link.js';
import { podLogDirectory } from '../plan/sandbox-config.js';
import type { ActuatedRecords, HookCaller, PodFiles, Surroundings } from '../ports.js';
import { allOrFirst, ContainerMounts } from './container-mounts.js';
import { stopContainer } from './container-stopper.js';
import { runHook } from './hooks.js';
import type { RuntimeMeter } from './runtime-metrics.js';
import { noCgroup, type Sandboxes } from './sandboxes.js';

export interface StarterPorts {
  readonly cri: RuntimeService;
  readonly files: PodFiles;
  readonly volumes: ContainerVolumes;
  readonly objects: ObjectSource;
  readonly resources?: ActuatedRecords | undefined;
  readonly cgroups: Pick<PodCgroups, 'fit'>;
  readonly surroundings: Surroundings;
  readonly events: PodEvents;
  readonly call: HookCaller;
  /** Without it, nothing is counted. */
  readonly meter?: RuntimeMeter | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Every container whose resources are known has those of its pod's allocation. */
function isSettled(pod: Pod, resources: ActuatedRecords | undefined): boolean {
  const has = resources?.actuated(podUid(pod))?.containers ?? {};
  return allContainers(pod).every(({ spec }) => {
    const known = has[spec.name];
    return known === undefined || sameResources(known, effectiveResources(pod, spec));
  });
}

interface Prepared {
  readonly image: PulledImage;
  readonly env: readonly EnvVar[];
  readonly restartCount: number;
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
}

/**
 * Starts one container. Everything that does not depend on the image is prepared while the runtime
 * is asked about the image, so a start takes little longer than the runtime's own two calls.
 */
export class ContainerStarter {
  readonly #ports: StarterPorts;
  readonly #settings: RuntimeSettings;
  readonly #images: Images;
  readonly #sandboxes: Sandboxes;
  readonly #mounts: ContainerMounts;

  constructor(
    ports: StarterPorts,
    settings: RuntimeSettings,
    parts: Readonly<{ images: Images; sandboxes: Sandboxes }>,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#images = parts.images;
    this.#sandboxes = parts.sandboxes;
    const { files, volumes, meter } = ports;
    const { images, sandboxes } = parts;
    this.#mounts = new ContainerMounts({ files, volumes, images, sandboxes, meter }, settings);
  }

  /** @throws {StartError} after an event has reported it */
  async start(
    request: StartContainerRequest,
    attempt: number,
    signal: AbortSignal,
  ): Promise<string> {
    const { pod, name } = request;
    const found = findContainer(pod, name);
    if (found === undefined)
      throw new StartError('CreateContainerConfigError', `no container named ${name} in the pod`);
    try {
      const made = await this.#create(request, { container: found.spec, attempt }, signal);
      await this.#run(request, { container: found.spec, ...made }, signal);
      return made.id;
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = isStartError(error)
        ? error
        : new StartError('CreateContainerConfigError', detailOf(error), { cause: error });
      this.#report(pod, name, failure);
      throw failure;
    }
  }

  #report(pod: Pod, name: string, { reason, message }: StartError): void {
    const { events } = this.#ports;
    if (reason === 'PostStartHookError') {
      events.warning(pod, 'FailedPostStartHook', 'PostStartHook failed', name);
      return;
    }
    const ofImage = /^(ErrImage|Image|InvalidImage|Registry|Signature)/.test(reason);
    events.warning(pod, 'Failed', `Error: ${ofImage ? reason : message}`, name);
  }

  async #create(
    request: StartContainerRequest,
    { container, attempt }: Readonly<{ container: Container; attempt: number }>,
    signal: AbortSignal,
  ): Promise<Readonly<{ id: string; restartCount: number }>> {
    const { cri, events, cgroups, resources } = this.#ports;
    const { pod } = request;
    const sandbox = await this.#sandboxes.config(pod, { attempt, warnings: 'ignore' }, signal);
    const { image: name = '', imagePullPolicy: policy } = container;
    const [image, prepared, targetId, ids] = await allOrFirst([
      this.#images.ensure({ pod, image: name, policy, container: container.name, sandbox }, signal),
      this.#withMounts(request, { container, sandbox }, signal),
      this.#targetOf(pod, container, signal),
      this.#sandboxes.ids(pod, signal),
    ]);
    const { restartCount } = prepared;
    const volumeGroups = this.#ports.volumes.groups(pod);
    const input = { pod, container, image, ...prepared, targetId, ids, volumeGroups };
    const config = containerConfig(input, this.#settings);
    const target = { sandboxId: sandboxId(request.sandboxId), config, sandboxConfig: sandbox };
    await this.#noteResources(pod, container);
    await cgroups.fit(pod, isSettled(pod, resources)).catch(noCgroup);
    const id = await cri
      .createContainer(target, signal)
      .catch(failed('CreateContainerError', signal));
    events.normal(pod, 'Created', 'Container created', container.name);
    return { id, restartCount };
  }

  /**
   * Runs before the container gets its resources. Containers without a record count as having the
   * pod's allocation.
   */
  async #noteResources(pod: Pod, container: Container): Promise<void> {
    const { resources } = this.#ports;
    if (resources === undefined || isEphemeral(pod, container)) return;
    const before = resources.actuated(podUid(pod))?.containers[container.name];
    const given = effectiveResources(pod, container);
    resources.setActuated(podUid(pod), container.name, given);
    if (before !== undefined && !sameResources(before, given)) await resources.saved();
  }

  async #run(
    request: StartContainerRequest,
    made: Readonly<{ container: Container; id: string; restartCount: number }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { cri, events, files, call, clock, meter } = this.#ports;
    const { container, id, restartCount } = made;
    const { pod, podIps } = request;
    const { podLogsDir, containerLogsDir } = this.#settings;
    await cri.startContainer(containerId(id), signal).catch(failed('RunContainerError', signal));
    events.normal(pod, 'Started', 'Container started', container.name);
    const log = `${podLogDirectory(podLogsDir, pod)}/${containerLogPath(container.name, restartCount)}`;
    const link = `${containerLogsDir}/${logLinkName(pod, container.name, id)}`;
    await files.linkLog(link, log);
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    try {
      const target = { containerId: id, container, podIp: podIps[0] };
      const onFallback = (text: string): void => events.warning(pod, 'LifecycleHTTPFallback', text);
      await runHook(hook, target, { cri, call, clock, signal, meter, onFallback });
    } catch (cause) {
      signal.throwIfAborted();
      const stop = {
        ...{ pod, containerId: id, name: container.name, why: 'FailedPostStartHook' },
        graceSeconds: containerGraceSeconds(pod, container.name),
        preStop: container.lifecycle?.preStop !== undefined,
      };
      await stopContainer(stop, this.#ports, signal);
      throw new StartError('PostStartHookError', detailOf(cause), { cause });
    }
  }

  async #withMounts(
    request: StartContainerRequest,
    { container, sandbox }: Readonly<{ container: Container; sandbox: SandboxConfig }>,
    signal: AbortSignal,
  ): Promise<Omit<Prepared, 'image'>> {
    const { files } = this.#ports;
    const { podLogsDir } = this.#settings;
    const logs = `${podLogDirectory(podLogsDir, request.pod)}/${toPathSegment(container.name, 'container name')}`;
    const [env, made] = await allOrFirst([
      this.#environment(request, container, signal),
      files.makeDirectory(logs),
    ]);
    // If the runtime has lost the records of earlier runs, their logs still show how many there
    // were.
    const { pod, podIps, restartCount: known } = request;
    const restartCount = known > 0 || made === 'new' ? known : nextRun(await files.names(logs));
    const wanted = { pod, container, podIps, env, sandbox };
    const mounts = await this.#mounts.build(wanted, signal);
    return { env, restartCount, mounts, devices: this.#mounts.devices(pod, container) };
  }

  async #environment(
    { pod, podIps }: StartContainerRequest,
    container: Container,
    signal: AbortSignal,
  ): Promise<readonly EnvVar[]> {
    const { objects, surroundings } = this.#ports;
    const namespace = podNamespace(pod);
    const sources = environmentSources(container);
    const [files, configMaps, secrets] = await allOrFirst([
      this.#envFiles(pod, sources.files),
      readAll(sources.configMaps, (name) => objects.configMap(namespace, name, signal)),
      readAll(sources.secrets, (name) => objects.secret(namespace, name, signal)),
    ]);
    return buildEnvironment({
      pod,
      container,
      fields: { node: surroundings.node(), podIps },
      configMaps,
      secrets,
      files,
      services: surroundings.services(),
    });
  }

  async #envFiles(
    pod: Pod,
    names: readonly EnvFileName[],
  ): Promise<ReadonlyMap<string, EnvFile | Error>> {
    const { volumes } = this.#ports;
    const read = names.map(async (name) => {
      const file = volumes.readFile(pod, name.volume, name.path).then(parseEnvFile);
      return [envFileKey(name), await file.catch(asError)] as const;
    });
    return new Map(await Promise.all(read));
  }

  /** The id of the running container whose processes an ephemeral container joins. */
  async #targetOf(
    pod: Pod,
    container: Container,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const ephemeral = pod.spec?.ephemeralContainers?.find(({ name }) => name === container.name);
    const wanted = ephemeral?.targetContainerName;
    if (wanted === undefined || wanted === '') return undefined;
    const labels = { 'io.kubernetes.pod.uid': podUid(pod), [LABEL_CONTAINER_NAME]: wanted };
    const [found] = await this.#ports.cri.listContainers({ labels, state: 'running' }, signal);
    if (found !== undefined) return found.id;
    const text = `unable to find target container ${wanted}`;
    throw new StartError('CreateContainerConfigError', text);
  }
}

function isEphemeral(pod: Pod, { name }: Container): boolean {
  return pod.spec?.ephemeralContainers?.some((each) => each.name === name) === true;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function readAll<T>(
  names: readonly string[],
  read: (name: string) => Promise<T | undefined>,
): Promise<ReadonlyMap<string, T>> {
  const found = await Promise.all(names.map(async (name) => [name, await read(name)] as const));
  return new Map(found.flatMap(([name, object]) => (object === undefined ? [] : [[name, object]])));
}

function failed(reason: string, signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted();
    throw new StartError(reason, detailOf(cause), { cause });
  };
}
