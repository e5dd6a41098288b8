import { type ContainerStatus, parseCriLogLine } from '@nodeagent/cri-client';

import { ANNOTATION_MESSAGE_PATH, ANNOTATION_MESSAGE_POLICY } from '../../pod/index.js';

/** Of the message file, from its end. */
export const MESSAGE_FILE_BYTES = 4096;
/** Of the log, where a container leaves no message. */
export const LOG_MESSAGE_BYTES = 2048;
const LOG_MESSAGE_LINES = 80;

/** The host's side of the message file; undefined when the container has none. */
export function messageFile(status: ContainerStatus): string | undefined {
  const path = status.annotations[ANNOTATION_MESSAGE_PATH];
  if (path === undefined || path === '') return undefined;
  return status.mounts.find(({ containerPath }) => containerPath === path)?.hostPath;
}

/** @param text what the message file holds */
export function wantsLogsAsMessage(status: ContainerStatus, text: string): boolean {
  return (
    status.annotations[ANNOTATION_MESSAGE_POLICY] === 'FallbackToLogsOnError' &&
    text === '' &&
    status.exitCode !== 0 &&
    status.reason !== 'ContainerCannotRun'
  );
}

/** What a user reads: the runtime's own message before the container's. */
export function terminationMessage(status: ContainerStatus, text: string): string {
  if (status.message === '' || text === '') return status.message + text;
  return `${status.message}: ${text}`;
}

/**
 * The end of a log as the container wrote it.
 *
 * @param log the end of the file in CRI's format; a first line that was cut is left out
 */
export function logTail(log: string): string {
  const records = log
    .split('\n')
    .flatMap((line) => parseCriLogLine(Buffer.from(`${line}\n`)) ?? [])
    .slice(-LOG_MESSAGE_LINES);
  const text = Buffer.concat(records.map(({ content }) => content));
  return text.subarray(-LOG_MESSAGE_BYTES).toString('utf8');
}
