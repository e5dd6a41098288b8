import type { Logger } from '@nodeagent/base';
import {
  type IdMapping,
  type RuntimeService,
  type SandboxConfig,
  sandboxId,
} from '@nodeagent/cri-client';
import type { KubeClient, Pod } from '@nodeagent/kube-client';
import type { NodeEvents } from '@nodeagent/node-status';

import { detailOf } from '../../images/run/index.js';
import { type PodEvents, podUid, StartError } from '../../pod/index.js';
import type { PodCgroups } from '../../resources/run/index.js';
import type { ContainerVolumes } from '../../volumes/run/index.js';
import type { RuntimeSettings } from '../model/settings.js';
import {
  loopbacksOf,
  parseResolvConf,
  podDns,
  type ResolvConf,
  resolvConfProblem,
} from '../plan/dns.js';
import { podLogDirectory, sandboxConfig } from '../plan/sandbox-config.js';
import { noUserNamespaces, wantsOwnUsers } from '../plan/user-namespace.js';
import type { ActuatedRecords, PodFiles } from '../ports.js';
import { type HandlerFeatures, handlerFeatures, runtimeHandlerOf } from './runtime-handler.js';
import type { UserNamespaces } from './user-namespaces.js';

export interface SandboxPorts {
  readonly cri: RuntimeService;
  /** Reads runtime classes. */
  readonly client: Pick<KubeClient, 'get'>;
  readonly files: PodFiles;
  readonly volumes: Pick<ContainerVolumes, 'groups'>;
  readonly cgroups: Pick<PodCgroups, 'ensure' | 'parentOf'>;
  readonly resources?: ActuatedRecords | undefined;
  readonly events: PodEvents;
  readonly log: Pick<Logger, 'warn'>;
  /** Events on the node itself. */
  readonly nodeEvents?: Pick<NodeEvents, 'warning'> | undefined;
  readonly userNamespaces?: Pick<UserNamespaces, 'of'> | undefined;
}

/**
 * Reports the parts of resolv.conf that pods cannot receive completely, as an event on the node.
 */
export async function checkResolvConf(
  { files, nodeEvents }: Readonly<{ files: Pick<PodFiles, 'resolvConf'>; nodeEvents: NodeEvents }>,
  {
    resolvConfPath: path,
    clusterDomain,
  }: Pick<RuntimeSettings, 'resolvConfPath' | 'clusterDomain'>,
): Promise<void> {
  if (path === '') return;
  let problem: string | undefined;
  try {
    const parsed = parseResolvConf(await files.resolvConf(path));
    if (typeof parsed === 'string') problem = `${path}: ${parsed}`;
    else problem = resolvConfProblem(parsed, { path, clusterDomain });
  } catch (error) {
    problem = detailOf(error);
  }
  if (problem !== undefined) nodeEvents.warning('CheckLimitsForResolvConf', problem);
}

export function noCgroup(cause: unknown): never {
  const text = `unable to ensure pod container exists: ${detailOf(cause)}`;
  throw new StartError('FailedCreatePodContainer', text, { cause });
}

/** Creates sandboxes, and repeats their configuration for each container. */
export class Sandboxes {
  readonly #ports: SandboxPorts;
  readonly #settings: RuntimeSettings;

  constructor(ports: SandboxPorts, settings: RuntimeSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** @throws {StartError} with the runtime's own message */
  async create(pod: Pod, attempt: number, signal: AbortSignal): Promise<string> {
    const { cri, client, files, cgroups } = this.#ports;
    const runtimeHandler = await runtimeHandlerOf(pod, client, signal);
    if (wantsOwnUsers(pod)) await this.#checkUserNamespaces(runtimeHandler, signal);
    const logDirectory = podLogDirectory(this.#settings.podLogsDir, pod);
    const [config] = await Promise.all([
      this.config(pod, { attempt, warnings: 'report' }, signal),
      cgroups.ensure(pod).catch(noCgroup),
      files.makeDirectory(logDirectory),
    ]);
    const whole = pod.spec?.resources;
    if (whole !== undefined) this.#ports.resources?.setActuatedPod(podUid(pod), whole);
    try {
      return await cri.runPodSandbox({ config, runtimeHandler }, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw new StartError('CreatePodSandboxError', detailOf(cause), { cause });
    }
  }

  /** @param how `warnings`: `report` sends an event for each exceeded limit */
  async config(
    pod: Pod,
    { attempt, warnings: use }: Readonly<{ attempt: number; warnings: 'report' | 'ignore' }>,
    signal: AbortSignal,
  ): Promise<SandboxConfig> {
    const { cgroups, events } = this.#ports;
    const settings = this.#settings;
    const host = await this.#hostResolver();
    const { clusterDns, clusterDomain, podLogsDir } = settings;
    const { config: dns, warnings } = podDns(pod, {
      clusterDns,
      clusterDomain,
      host,
      loopbacks: settings.loopbacks ?? loopbacksOf([]),
    });
    if (use === 'report') {
      for (const { reason, message, nodeMessage } of warnings) {
        events.warning(pod, reason, message);
        if (nodeMessage !== undefined) this.#ports.nodeEvents?.warning(reason, nodeMessage);
      }
    }
    const logDirectory = podLogDirectory(podLogsDir, pod);
    const cgroupParent = cgroups.parentOf(pod);
    const ids = await this.ids(pod, signal);
    const volumeGroups = this.#ports.volumes.groups(pod);
    return sandboxConfig(
      { pod, attempt, logDirectory, dns, cgroupParent, ids, volumeGroups },
      settings,
    );
  }

  /** The pod's own user ids; undefined if it uses the host's. */
  async ids(pod: Pod, signal: AbortSignal): Promise<IdMapping | undefined> {
    return wantsOwnUsers(pod) ? this.#ports.userNamespaces?.of(pod, signal) : undefined;
  }

  /** The features of the pod's runtime handler. */
  async features(pod: Pod, signal: AbortSignal): Promise<HandlerFeatures> {
    const { cri, client } = this.#ports;
    return handlerFeatures(await runtimeHandlerOf(pod, client, signal), cri, signal);
  }

  /** A pod that requests its own user ids never runs with the host's. */
  async #checkUserNamespaces(runtimeHandler: string, signal: AbortSignal): Promise<void> {
    const { cri, userNamespaces } = this.#ports;
    const features = await handlerFeatures(runtimeHandler, cri, signal);
    if (userNamespaces === undefined || !features.userNamespaces) {
      throw noUserNamespaces(runtimeHandler);
    }
  }

  /**
   * Stops the sandbox. A sandbox from before the machine's last boot counts as stopped even if the
   * runtime fails to stop it: its processes and its network ended with that boot. containerd fails
   * so for ever when the power was lost before the network's record was on the disk.
   */
  async stop(id: string, signal: AbortSignal): Promise<void> {
    const { cri, log } = this.#ports;
    try {
      await cri.stopPodSandbox(sandboxId(id), signal);
    } catch (err) {
      if (!(await this.#isFromEarlierBoot(id, signal))) throw err;
      const what =
        'runtime cannot stop a sandbox from before the last boot; the pod goes on without';
      log.warn({ sandbox: id, err }, what);
    }
  }

  async #isFromEarlierBoot(id: string, signal: AbortSignal): Promise<boolean> {
    const { bootedAtMs } = this.#settings;
    if (bootedAtMs === undefined) return false;
    const [sandbox] = await this.#ports.cri.listPodSandbox({ id: sandboxId(id) }, signal);
    return sandbox?.state === 'not-ready' && sandbox.createdAtMs < bootedAtMs;
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    const { cri, files } = this.#ports;
    const [sandbox] = await cri.listPodSandbox({ id: sandboxId(id) }, signal);
    await cri.removePodSandbox(sandboxId(id), signal);
    if (sandbox?.metadata === undefined) return;
    const { namespace, name, uid } = sandbox.metadata;
    const pod = { metadata: { namespace, name, uid } };
    await files.removeEmptyLogs(podLogDirectory(this.#settings.podLogsDir, pod));
  }

  async #hostResolver(): Promise<ResolvConf | undefined> {
    const path = this.#settings.resolvConfPath;
    if (path === '') return undefined;
    const parsed = parseResolvConf(await this.#ports.files.resolvConf(path));
    if (typeof parsed !== 'string') return parsed;
    throw new StartError('CreatePodSandboxError', `${path}: ${parsed}`);
  }
}
