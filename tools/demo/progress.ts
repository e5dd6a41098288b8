/** Says on standard error what is going on: standard output is for the result. */
export interface Progress {
  /** Ends the step before, if any, and begins this one. */
  step(what: string): void;
  /** Ends the last step well. */
  done(): void;
  /** Ends it badly. */
  fail(): void;
  /** A line of its own, between steps. */
  note(text: string): void;
}

const REMIND_MS = 10_000;

/**
 * On a terminal a running step counts its seconds in place; elsewhere (a log file, CI) it gets a
 * line when it begins, one every ten seconds, and one when it ends.
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
