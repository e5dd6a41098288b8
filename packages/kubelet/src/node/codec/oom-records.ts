/** A process that the kernel ended because the whole machine was out of memory. */
export interface SystemOom {
  readonly pid: number | undefined;
  /** The kernel's name of the process, at most 15 bytes. */
  readonly process: string | undefined;
}

/** One record of the kernel's log. */
export interface KernelRecord {
  /** 0 for records of the kernel itself; programs can write records of other facilities. */
  readonly facility: number;
  readonly text: string;
}

/**
 * Parses one record of `/dev/kmsg`: `6,1234,5678,-;text`, and lines that begin with a blank for
 * its dictionary.
 *
 * @returns undefined for other text
 * @see Linux Documentation/ABI/testing/dev-kmsg
 */
export function parseKernelRecord(record: string): KernelRecord | undefined {
  const found = /^(\d{1,5}),[^;\n]{0,200};([^\n]*)/.exec(record);
  if (found === null) return undefined;
  return { facility: Number(found[1]) >> 3, text: found[2] ?? '' };
}

/** Parses the number after a word at the start of a line. */
export function parseCount(text: string, word: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${word} `));
  const count = Number.parseInt(line?.slice(word.length) ?? '', 10);
  return Number.isSafeInteger(count) ? count : undefined;
}

const KILLED = 'Killed process ';
const TASK = ',task=';
const PID = ',pid=';
const LIMIT = ' killed as a result of limit of ';

/**
 * Finds processes that the kernel ended for want of memory, except those at the limit of a cgroup:
 * the runtime reports these. Give it the kernel's records in order.
 *
 * @see Linux mm/oom_kill.c, dump_oom_summary, __oom_kill_process
 */
export class OomRecords {
  /** The cgroup whose limit was reached; `/` is the whole machine. Undefined between two reports. */
  #limited: string | undefined;

  /** @returns a process of the whole machine's report, if this record ends one */
  next({ facility, text }: KernelRecord): SystemOom | undefined {
    if (facility !== 0) return undefined;
    if (text.includes('invoked oom-killer:')) this.#limited = '/';
    if (this.#limited === undefined) return undefined;
    if (text.startsWith('oom-kill:constraint=')) {
      const ofMachine = !text.includes(',oom_memcg=') || text.includes(',oom_memcg=/,');
      this.#limited = undefined;
      return ofMachine ? taskOf(text) : undefined;
    }
    const at = text.startsWith('Task in ') ? text.indexOf(LIMIT) : -1;
    if (at >= 0) this.#limited = text.slice(at + LIMIT.length);
    const killed = killedIn(text);
    if (killed === undefined) return undefined;
    const isOfMachine = this.#limited === '/';
    this.#limited = undefined;
    return isOfMachine ? killed : undefined;
  }
}

/** `Killed process 1234 (stress) total-vm:…`; the name may have parentheses, as `(sd-pam)` has. */
function killedIn(text: string): SystemOom | undefined {
  const at = text.indexOf(KILLED);
  const rest = at < 0 ? '' : text.slice(at + KILLED.length);
  const [start, pid] = /^(\d{1,10}) \(/.exec(rest) ?? [];
  const end = rest.search(/\)(?: total-vm|,|$)/);
  if (start === undefined || end <= start.length) return undefined;
  return { pid: Number(pid), process: rest.slice(start.length, end) };
}

/** The end of a summary: `,task=stress,pid=1234,uid=0`. A name may contain anything. */
function taskOf(text: string): SystemOom {
  const [at, pidAt] = [text.indexOf(TASK), text.lastIndexOf(PID)];
  const pid = Number.parseInt(text.slice(pidAt + PID.length), 10);
  const process = at >= 0 && pidAt > at ? text.slice(at + TASK.length, pidAt) : '';
  return {
    pid: pidAt >= 0 && Number.isSafeInteger(pid) ? pid : undefined,
    process: process === '' ? undefined : process,
  };
}
