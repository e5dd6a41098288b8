import { fstatSync } from 'node:fs';

/** The level of a line for syslog and the journal, by pino's number of it. */
const PRIORITIES = [
  [50, 3], // error
  [40, 4], // warning
  [30, 6], // information
] as const;
const DEBUG = 7;

/**
 * Gives what precedes a line so that systemd's journal has it with a priority: `<4>` for a warning.
 * systemd removes it, unless the unit has `SyslogLevelPrefix=no`. The journal takes fields of a
 * program's own by datagrams only, which Node.js cannot send to a path.
 *
 * @param level pino's number of a level
 * @see sd-daemon(3)
 */
export function priorityMark(level: number): string {
  const [, priority] = PRIORITIES.find(([from]) => level >= from) ?? [0, DEBUG];
  return `<${priority}>`;
}

/**
 * Returns true if systemd's journal reads what is written to a descriptor.
 *
 * @see systemd.exec(5) for `JOURNAL_STREAM`, which has the form `device:inode`
 */
export function leadsToJournal(descriptor: number, env = process.env): boolean {
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch (error) {
    // a closed descriptor leads nowhere
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return false;
    throw error;
  }
}
