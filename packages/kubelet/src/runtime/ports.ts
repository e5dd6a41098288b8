import type { PathSegment } from '@nodeagent/base';
import type { Service } from '@nodeagent/kube-client';

import type { PodUid, Resources } from '../pod/index.js';
import type { NodeFacts } from './plan/pod-fields.js';

/** Files of the host that pods are given or leave behind. */
export interface PodFiles {
  makeDirectory(path: string): Promise<'new' | 'there'>;
  /** What is in a directory; nothing when there is none. */
  names(directory: string): Promise<readonly string[]>;
  /** A new file, writable by everyone, that a container finds as its terminationMessagePath. */
  createMessageFile(podUid: PodUid, container: PathSegment): Promise<string>;
  /** @returns where it is, below the pod's directory */
  writeHostsFile(podUid: PodUid, text: string): Promise<string>;
  /** The host's own /etc/hosts; empty when there is none. */
  hostsOfHost(): Promise<string>;
  /** Whole; at most 10 MiB. */
  resolvConf(path: string): Promise<string>;
  /**
   * At most so many bytes from the end of a file that a container may have put there; empty when
   * there is none.
   *
   * @param links `refused` where only containers would put one; runtimes may make their logs links
   *
   * @throws {FileError} `FILE_KIND` for what is no regular file
   */
  readTail(path: string, maxBytes: number, links: 'refused' | 'followed'): Promise<string>;
  /** The name under which log collectors look for it; nothing when there is no log yet. */
  linkLog(link: string, log: string): Promise<void>;
  /** With its rotated forms and its link; gone already is fine. */
  removeLogs(log: string, link: string): Promise<void>;
  /** Removes a pod's log directory unless it still holds a log. */
  removeEmptyLogs(logDirectory: string): Promise<void>;
}

/** Which user ids pods have, as it is written down in their directories. */
export interface UserNamespaceFiles {
  /** Where it is written for a pod, for messages. */
  path(podUid: PodUid): string;
  /** Uids of the pods that have a directory. */
  pods(): Promise<readonly PodUid[]>;
  /** @returns undefined when nothing is written for the pod */
  read(podUid: PodUid): Promise<string | undefined>;
  /** Outlives a crash of the machine once it returns. */
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
 * Any answer is a success; certificates are not checked. Throws when there is none.
 *
 * @returns `not-tls`: asked by HTTPS, the server answered as one that speaks plain HTTP does
 */
export type HookCaller = (
  request: HookRequest,
  signal: AbortSignal,
) => Promise<'answered' | 'not-tls'>;

/** What containers have been given, to be known after a restart of the kubelet. */
export interface ActuatedRecords {
  actuated(
    podUid: string,
  ): Readonly<{ containers: Readonly<Record<string, Resources>> }> | undefined;
  setActuated(podUid: string, container: string, resources: Resources): void;
  setActuatedPod(podUid: string, resources: Resources): void;
  /** Resolves when all of that is on disk. */
  saved(): Promise<void>;
}

/** What pods see of their surroundings, as it is now. */
export interface Surroundings {
  node(): NodeFacts;
  /** Undefined before the first list. */
  services(): readonly Service[] | undefined;
}
