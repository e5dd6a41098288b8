import { type ContainerStatus, parseCriLogLine } from '@nodeagent/cri-client';

import { ANNOTATION_MESSAGE_PATH, ANNOTATION_MESSAGE_POLICY } from '../../pod/index.js';

/** Bytes read from the end of the message file. */
export const MESSAGE_FILE_BYTES = 4096;
/** Bytes read from the log if a container left no message. */
export const LOG_MESSAGE_BYTES = 2048;
const LOG_MESSAGE_LINES = 80;

/** The path of the message file on the host; undefined if the container has none. */
export function messageFile(status: ContainerStatus): string | undefined {
  const path = status.annotations[ANNOTATION_MESSAGE_PATH];
  if (path === undefined || path === '') return undefined;
  return status.mounts.find(({ containerPath }) => containerPath === path)?.hostPath;
}

/** @param text content of the message file */
export function wantsLogsAsMessage(status: ContainerStatus, text: string): boolean {
  return (
    status.annotations[ANNOTATION_MESSAGE_POLICY] === 'FallbackToLogsOnError' &&
    text === '' &&
    status.exitCode !== 0 &&
    status.reason !== 'ContainerCannotRun'
  );
}

/** The message for the user: the runtime's own message precedes the container's. */
export function terminationMessage(status: ContainerStatus, text: string): string {
  if (status.message === '' || text === '') return status.message + text;
  return `${status.message}: ${text}`;
}

/**
 * The end of a log as the container wrote it.
 *
 * @param log the end of the file in CRI's format; a truncated first line is skipped
 */
export function logTail(log: string): string {
  const records = log
    .split('\n')
    .flatMap((line) => parseCriLogLine(Buffer.from(`${line}\n`)) ?? [])
    .slice(-LOG_MESSAGE_LINES);
  const text = Buffer.concat(records.map(({ content }) => content));
  return text.subarray(-LOG_MESSAGE_BYTES).toString('utf8');
}
