import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

/** A warning or an error that a churn causes on purpose. */
export interface Expected {
  readonly program: 'kubelet' | 'kube-proxy';
  /** Matches the line without its stamp: `"container not started" pod="ns/imageless-3" …`. */
  readonly line: RegExp;
  readonly because: string;
}

/** klog's line form: severity, month and day, time, process, program. */
const STAMP = /^([IWE])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] /;

/**
 * Returns the lines in agents' logs that report unexpected problems. Lines that are not log lines
 * at all, such as stack traces or warnings of Node.js, are included.
 *
 * @param logFiles named for their programs: `…/kubelet.log`
 */
export async function findLogProblems(
  logFiles: readonly string[],
  expected: readonly Expected[],
): Promise<readonly string[]> {
  const found = logFiles.map(async (file) => {
    const program = basename(file, '.log');
    const own = expected.filter((one) => one.program === program);
    return problemsIn(await readFile(file, 'utf8'), own).map((line) => `${program}: ${line}`);
  });
  return (await Promise.all(found)).flat();
}

export function problemsIn(log: string, expected: readonly Expected[]): readonly string[] {
  return log.split('\n').filter((line) => {
    const [stamp, severity] = STAMP.exec(line) ?? [];
    if (line === '' || severity === 'I') return false;
    const text = line.slice(stamp?.length ?? 0);
    return stamp === undefined || !expected.some((one) => one.line.test(text));
  });
}
