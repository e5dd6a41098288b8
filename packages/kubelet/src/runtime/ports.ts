import type { PathSegment } from '@nodeagent/base';
import type { Service } from '@nodeagent/kube-client';

import type { PodUid, Resources } from '../pod/index.js';
import type { NodeFacts } from './plan/pod-fields.js';

/** Host files that pods use or leave behind. */
export interface PodFiles {
  makeDirectory(path: string): Promise<'new' | 'there'>;
  /** Names in a directory; empty if it does not exist. */
  names(directory: string): Promise<readonly string[]>;
  /** Creates a world-writable file, which the container sees at its terminationMessagePath. */
  createMessageFile(podUid: PodUid, container: PathSegment): Promise<string>;
  /** @returns its path, below the pod's directory */
  writeHostsFile(podUid: PodUid, text: string): Promise<string>;
  /** The host's own /etc/hosts; empty if there is none. */
  hostsOfHost(): Promise<string>;
  /** The whole file; at most 10 MiB. */
  resolvConf(path: string): Promise<string>;
  /**
   * At most `maxBytes` bytes from the end of a file that a container may have written; empty if
   * there is none.
   *
   * @param links `refused` for files that only containers could replace by links; `followed` for
   *   logs, since some runtimes make them links
   * @throws {FileError} `FILE_KIND` if it is not a regular file
   */
  readTail(path: string, maxBytes: number, links: 'refused' | 'followed'): Promise<string>;
  /** Creates the link for log collectors; does nothing if there is no log yet. */
  linkLog(link: string, log: string): Promise<void>;
  /** Removes a log with its rotated files and its link; safe to repeat. */
  removeLogs(log: string, link: string): Promise<void>;
  /** Removes a pod's log directory unless it still holds a log. */
  removeEmptyLogs(logDirectory: string): Promise<void>;
}

/** The records of pods' user ids, kept in the pods' directories. */
export interface UserNamespaceFiles {
  /** The path of a pod's record, for messages. */
  path(podUid: PodUid): string;
  /** Uids of the pods that have a directory. */
  pods(): Promise<readonly PodUid[]>;
  /** @returns undefined if the pod has no record */
  read(podUid: PodUid): Promise<string | undefined>;
  /** Once it resolves, the record survives a crash of the machine. */
  write(podUid: PodUid, text: string): Promise<void>;
}

export interface HookRequest {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly Readonly<{ name: string; value: string }>[];
}

/**
 * Any response counts as success; certificates are not verified. Throws if there is no response.
 *
 * @returns `not-tls` if the server answered the HTTPS request in plain HTTP
 */
export type HookCaller = (
  request: HookRequest,
  signal: AbortSignal,
) => Promise<'answered' | 'not-tls'>;

/** The resources that containers have been given, kept across restarts of the kubelet. */
export interface ActuatedRecords {
  actuated(
    podUid: string,
  ): Readonly<{ containers: Readonly<Record<string, Resources>> }> | undefined;
  setActuated(podUid: string, container: string, resources: Resources): void;
  setActuatedPod(podUid: string, resources: Resources): void;
  /** Resolves when every record is on disk. */
  saved(): Promise<void>;
}

/** The current surroundings that pods can see. */
export interface Surroundings {
  node(): NodeFacts;
  /** Undefined before the first list. */
  services(): readonly Service[] | undefined;
}
