import { BoundedRunner, type Clock, type Logger } from '@nodeagent/base';
import { isKubeError } from '@nodeagent/kube-client';

import type { Plan } from '../model/action.js';
import type { ViewName } from '../model/view.js';
import { execute, type Executor } from './execute.js';

/** A planner, and the changes that run it. */
export interface Controller {
  readonly name: string;
  /** The component named in its events. */
  readonly component: string;
  /** Kinds whose changes require a new plan. */
  readonly watches: readonly ViewName[];
  /** Calls back on changes of other kinds that require a new plan. */
  readonly subscribe?: (listener: () => void) => void;
  readonly plan: () => Plan;
}

const RETRY = { initialMs: 100, maxMs: 10_000 };
/** Period of a new plan without a change, in case a change was lost. */
const RESYNC_MS = 60_000;

/** Plans and executes whenever something changed, or the time has come, until the signal fires. */
export async function runController(
  controller: Controller,
  { executor, log }: { readonly executor: Executor; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const { clock, cluster } = executor;
  let alarm = new AbortController();
  let logged: unknown;
  const runner = new BoundedRunner({
    clock,
    minIntervalMs: 0,
    maxIntervalMs: RESYNC_MS,
    retry: RETRY,
    task: async () => {
      alarm.abort();
      alarm = new AbortController();
      const { actions, againInMs } = controller.plan();
      if (againInMs !== undefined) wakeIn(againInMs, clock, alarm.signal);
      const failures = await execute(actions, executor, signal);
      for (const { action, error } of failures) {
        const expected = isKubeError(
          error,
          'KUBE_CONFLICT',
          'KUBE_ALREADY_EXISTS',
          'KUBE_NOT_FOUND',
        );
        const fields = {
          controller: controller.name,
          action: action.kind,
          why: action.why,
          err: error,
        };
        if (expected) log.debug(fields, 'controller saw an old state and plans again');
        else log.warn(fields, 'controller action failed');
      }
      if (failures[0] === undefined) return;
      logged = failures[0].error;
      throw logged;
    },
    onError: (err) => {
      if (err !== logged) log.error({ controller: controller.name, err }, 'controller cannot plan');
    },
  });
  const wakeIn = (ms: number, on: Clock, until: AbortSignal): void => {
    void on.sleep(ms, until).then((how) => {
      if (how === 'elapsed') runner.request();
    });
  };
  cluster.subscribe(controller.watches, () => runner.request());
  controller.subscribe?.(() => runner.request());
  runner.request();
  await runner.run(signal);
  alarm.abort();
}
