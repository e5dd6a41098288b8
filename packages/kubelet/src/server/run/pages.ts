import type { Clock } from '@nodeagent/base';
import { type Features, flagzPage, statuszPage, type ZPage } from '@nodeagent/component-base';
import type { RuntimeService } from '@nodeagent/cri-client';

import { type BodyAnswer, json } from '../model/exchange.js';
import type { PodsOnNode } from '../ports.js';
import { type HealthCheck, healthChecks, healthPage } from '../render/health-page.js';
import { configzPage, type ProgramFacts, programSelf } from '../render/pages.js';
import { podList, runningPodList } from '../render/running-pods.js';
import type { Handlers } from './node-api.js';

/** All metrics in Prometheus' text format. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

export interface PageOptions {
  readonly facts: ProgramFacts;
  readonly metrics: MetricsPage;
  readonly cri: Pick<RuntimeService, 'listContainers'>;
  readonly clock: Clock;
  readonly features: Features;
}

/** Handlers of pages about the kubelet's own state. */
export function pageHandlers(pods: PodsOnNode, options: PageOptions): Handlers {
  const { facts, metrics, cri, clock, features } = options;
  const checks = healthChecks(() => pods.problem());
  const slis = createSlis(checks);
  return {
    healthz: ({ request }) => healthPage(checks, request.path, request.query),
    pods: () => json(podList(pods.pods())),
    runningpods: async (_, signal) => {
      return json(runningPodList(await cri.listContainers({ state: 'running' }, signal)));
    },
    configz: () => json(configzPage(facts)),
    ...(features.ComponentFlagz && {
      flagz: ({ request }) => zpage(flagzPage(programSelf(facts), request.accept)),
    }),
    ...(features.ComponentStatusz && {
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

/** Each request runs the checks and counts their results, as upstream's health metrics do. */
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
      '# HELP kubernetes_healthcheck 1 if the health check passes, otherwise 0.\n',
      '# TYPE kubernetes_healthcheck gauge\n',
      ...gauges,
      '# HELP kubernetes_healthchecks_total Number of health checks, by result.\n',
      '# TYPE kubernetes_healthchecks_total counter\n',
      ...totals,
    ].join('');
  };
}
