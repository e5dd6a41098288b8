import pino, { type DestinationStream, symbols } from 'pino';

import type { LogSettings } from '../model/log-settings.js';
import { leadsToJournal, priorityMark } from './journal.js';

export type LogStreamSettings = Pick<LogSettings, 'splitStream' | 'infoBufferBytes' | 'flushMs'>;

/** pino's number for warnings; errors have higher ones. */
const WARNING = 40;
const STANDARD_ERROR = 2;

/** Receives the lines of a logger, with the level of each. */
export type LogStream = DestinationStream & { lastLevel: number };

/**
 * Writes lines without buffering, so that a kill loses none: all to stderr, or with `splitStream`
 * only warnings and errors. The information on stdout may be held back then. Lines for systemd's
 * journal begin with their priority.
 *
 * @param render gives the line that is written
 * @param standardOutput the descriptor of the file for what is held back
 */
export function createLogStream(
  settings: LogStreamSettings,
  render: (line: string, level: number) => string,
  standardOutput = 1,
): LogStream {
  const writeInfo = settings.splitStream ? infoWriter(settings, standardOutput) : writeError;
  const isErrorMarked = leadsToJournal(STANDARD_ERROR);
  const isInfoMarked = settings.splitStream ? leadsToJournal(standardOutput) : isErrorMarked;
  const stream: LogStream & { [symbols.needsMetadataGsym]: true } = {
    [symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    write: (line) => {
      const level = stream.lastLevel;
      const [write, isMarked] =
        level >= WARNING ? [writeError, isErrorMarked] : [writeInfo, isInfoMarked];
      write(isMarked ? priorityMark(level) + render(line, level) : render(line, level));
    },
  };
  return stream;
}

const writeError = (line: string): void => void process.stderr.write(line);

function infoWriter(
  { infoBufferBytes, flushMs }: LogStreamSettings,
  dest: number,
): (line: string) => void {
  if (infoBufferBytes === 0) return (line) => void process.stdout.write(line);
  const buffered = pino.destination({
    ...{ dest, sync: true, minLength: infoBufferBytes, periodicFlush: Math.ceil(flushMs) },
  });
  process.once('exit', () => buffered.flushSync());
  return (line) => void buffered.write(line);
}
