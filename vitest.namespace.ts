import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';

import { expect, it } from 'vitest';

/** The error of `execFile`. */
interface ExecFailure {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const INSIDE = 'NODEAGENT_OWN_NETNS';

/**
 * Runs a test file's tests in a network namespace of their own. Sockets belong to the namespace of
 * their process, so the file is run again by a vitest of its own in there.
 *
 * @param file below the package's folder
 * @param timeoutMs for all of its tests together; that of one test when absent
 */
export function inOwnNamespace(file: string, define: () => void, timeoutMs?: number): void {
  if (process.env[INSIDE] === '1') {
    define();
    return;
  }
  const again = async (): Promise<void> => {
    const vitest = [process.execPath, process.argv[1] ?? '', 'run', file, '--reporter=verbose'];
    const argv = ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...vitestArgs(vitest)];
    const env = { ...process.env, [INSIDE]: '1' };
    const { exitCode, output } = await promisify(execFile)('unshare', argv, { env }).then(
      ({ stdout }) => ({ exitCode: 0, output: stdout }),
      (error: unknown) => {
        const { code = 1, stdout = '', stderr = '' } = error as Partial<ExecFailure>;
        return { exitCode: code, output: `${stdout}${stderr}` };
      },
    );
    expect(exitCode, `${failuresOf(output)}\n${output}`).toBe(0);
    if (/^\S*stdout/m.test(output)) console.log(output); // figures, which somebody wants to see
  };
  it('passes in a network namespace of its own', again, timeoutMs);
}

/** The names of failed tests, each with its error, on one line: a summary shows no more than that. */
function failuresOf(output: string): string {
  const lines = stripVTControlCharacters(output).split('\n');
  const named = lines.flatMap((line, at) =>
    / FAIL /.test(line) ? [`${line.trim()}: ${lines[at + 1] ?? ''}`] : [],
  );
  return named.join('; ');
}

/** A worker's own script is no entry: vitest's is beside it. */
function vitestArgs([node = '', , ...rest]: readonly string[]): readonly string[] {
  const entry = import.meta.resolve('vitest/package.json').replace(/^file:\/\//, '');
  return [node, entry.replace('package.json', 'vitest.mjs'), ...rest];
}
