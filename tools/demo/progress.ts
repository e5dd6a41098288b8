/** Reports progress on standard error; standard output is for the result. */
export interface Progress {
  /** Ends the previous step, if any, and starts this one. */
  step(what: string): void;
  /** Ends the last step as a success. */
  done(): void;
  /** Ends the last step as a failure. */
  fail(): void;
  /** Writes a separate line between steps. */
  note(text: string): void;
}

const REMIND_MS = 10_000;

/**
 * On a terminal, a running step counts its seconds in place. Elsewhere (a log file, CI) it gets a
 * line when it starts, one every ten seconds, and one when it ends.
 */
export function createProgress(out: NodeJS.WriteStream): Progress {
  let current: { what: string; startedMs: number; timer: NodeJS.Timeout } | undefined;
  const seconds = (fromMs: number) => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`;
  const finish = (mark: string) => {
    if (current === undefined) return;
    clearInterval(current.timer);
    const { what, startedMs } = current;
    out.write(`${out.isTTY ? '\r\x1b[K' : ''}${mark} ${what} (${seconds(startedMs)})\n`);
    current = undefined;
  };
  const done = () => finish('✓');
  const fail = () => finish('✗');
  const step = (what: string) => {
    done();
    const startedMs = performance.now();
    const tick = () =>
      out.write(
        out.isTTY
          ? `\r\x1b[K▸ ${what} … ${seconds(startedMs)}`
          : `▸ ${what} … ${seconds(startedMs)}\n`,
      );
    out.write(out.isTTY ? `▸ ${what} …` : `▸ ${what}\n`);
    const timer = setInterval(tick, out.isTTY ? 250 : REMIND_MS);
    timer.unref();
    current = { what, startedMs, timer };
  };
  const note = (text: string) => {
    done();
    out.write(`${text}\n`);
  };
  return { step, done, fail, note };
}
