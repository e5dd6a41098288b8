import type { SessionStreams } from '@nodeagent/pod-streams';

import { KubeError } from '../model/errors.js';
import type { AttachOptions, ObjectName } from '../ports.js';

/** Returns the streams of a session; those that the caller did not mention are the outputs. */
export function sessionStreams(options: AttachOptions): SessionStreams {
  const { stdin = false, stdout = true, stderr = true, tty = false } = options;
  return { stdin, stdout, stderr: stderr && !tty, tty };
}

/** @throws {KubeError} `KUBE_INVALID` for a command without a program */
export function checkCommand({ name }: ObjectName, command: readonly string[]): void {
  if (command.length > 0 && command[0] !== '') return;
  throw new KubeError('KUBE_INVALID', `pods ${JSON.stringify(name)}: a command is required`);
}

/** @throws {KubeError} `KUBE_INVALID` for a number that is no port */
export function checkPort({ name }: ObjectName, port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return;
  throw new KubeError('KUBE_INVALID', `pods ${JSON.stringify(name)}: ${port} is no port`);
}
