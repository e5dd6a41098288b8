import type { Clock } from '@nodeagent/base';
import { flagzPage, statuszPage, type ZPage } from '@nodeagent/component-base';
import type { RuntimeService } from '@nodeagent/cri-client';

import { type BodyAnswer, json } from '../model/exchange.js';
import type { PodsOnNode } from '../ports.js';
import { type HealthCheck, healthChecks, healthPage } from '../render/health-page.js';
import { configzPage, type ProgramFacts, programSelf } from '../render/pages.js';
import { podList, runningPodList } from '../render/running-pods.js';
import type { Handlers } from './node-api.js';

/** Everything measured, in Prometheus' text form. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

export interface PageOptions {
  readonly facts: ProgramFacts;
  readonly metrics: MetricsPage;
  readonly cri: Pick<RuntimeService, 'listContainers'>;
  readonly clock: Clock;
  readonly featureGates?: Readonly<Record<string, boolean>>;
}

/** The routes that tell what the kubelet knows already. */
export function pageHandlers(pods: PodsOnNode, options: PageOptions): Handlers {
  const { facts, metrics, cri, clock, featureGates: gates = {} } = options;
  const checks = healthChecks(() => pods.problem());
  const slis = createSlis(checks);
  return {
    healthz: ({ request }) => healthPage(checks, request.path, request.query),
    pods: () => json(podList(pods.pods())),
    runningpods: async (_, signal) => {
      return json(runningPodList(await cri.listContainers({ state: 'running' }, signal)));
    },
    configz: () => json(configzPage(facts)),
    ...((gates['ComponentFlagz'] ?? true) && {
      flagz: ({ request }) => zpage(flagzPage(programSelf(facts), request.accept)),
    }),
    ...((gates['ComponentStatusz'] ?? true) && {
      statusz: ({ request }) =>
        zpage(statuszPage(programSelf(facts), clock.nowMs(), request.accept)),
    }),
    metrics: async () => {
      const { contentType } = metrics;
      return { kind: 'body', status: 200, contentType, body: await metrics.render() };
    },
    'metrics-slis': () => {
      const { contentType } = metrics;
      return { kind: 'body', status: 200, contentType, body: slis() };
    },
  };
}

function zpage({ status, headers: { 'content-type': contentType = '', ...headers }, body }: ZPage) {
  return { kind: 'body', status, contentType, headers, body } satisfies BodyAnswer;
}

/** Each look counts, as upstream's health metrics do. */
function createSlis(checks: readonly HealthCheck[]): () => string {
  const counts = new Map<string, number>();
  return () => {
    const gauges: string[] = [];
    for (const { name, problem } of checks) {
      const status = problem() === undefined ? 'success' : 'error';
      const labels = `name="${name}",type="healthz"`;
      gauges.push(`kubernetes_healthcheck{${labels}} ${status === 'success' ? 1 : 0}\n`);
      const series = `kubernetes_healthchecks_total{name="${name}",status="${status}",type="healthz"}`;
      counts.set(series, (counts.get(series) ?? 0) + 1);
    }
    const totals = [...counts].map(([series, count]) => `${series} ${count}\n`);
    return [
      '# HELP kubernetes_healthcheck Whether a health check passes: 1 yes, 0 no.\n',
      '# TYPE kubernetes_healthcheck gauge\n',
      ...gauges,
      '# HELP kubernetes_healthchecks_total Health checks made, by result.\n',
      '# TYPE kubernetes_healthchecks_total counter\n',
      ...totals,
    ].join('');
  };
}
