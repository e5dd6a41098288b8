/**
 * Returns a signal that fires on SIGTERM or SIGINT; a second SIGTERM or SIGINT ends the process at
 * once.
 */
export function signalsToAbort(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new Error(`received ${name}`));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return controller.signal;
}
