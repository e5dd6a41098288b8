import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Identifies a process for good: process ids are reused, but not with the same start time within
 * one boot.
 */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. @see proc(5), /proc/pid/stat field 22 */
  readonly startTicks: string;
}

/** Returns `undefined` when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in parentheses may contain anything, so count from its end: the state comes first
  // after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  return startTicks === undefined || fields[0] === 'Z' ? undefined : { pid, startTicks };
}

export function isAlive({ pid, startTicks }: ProcessId): boolean {
  return identify(pid)?.startTicks === startTicks;
}

export function allPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Returns the environment a process was started with; empty when it has ended. */
export function environmentOf(pid: number): readonly string[] {
  return readIfThere(`/proc/${pid}/environ`)?.split('\0') ?? [];
}

/** Returns the inode of a process's network namespace. */
export function netnsInodeOf(pid: number): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export interface Mount {
  readonly mountPoint: string;
  /**
   * The path inside the mounted file system, its type and its super options: enough to identify the
   * owner.
   */
  readonly source: string;
}

/** Mounts as this process sees them, or as another does. */
export function mountsOf(pid: number | 'self'): readonly Mount[] {
  const lines = readIfThere(`/proc/${pid}/mountinfo`)?.trimEnd().split('\n') ?? [];
  return lines.filter(Boolean).map((line) => {
    const fields = line.split(' ');
    const rest = line.slice(line.indexOf(' - ') + 3);
    return {
      mountPoint: unescape(fields[4] ?? ''),
      source: `${unescape(fields[3] ?? '')} ${rest}`,
    };
  });
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** /proc reports ESRCH and EINVAL when a process ends while it is read. */
export function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ENOENT', 'ESRCH', 'EINVAL', 'EACCES', 'ENOTDIR'].includes(code);
}

function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
