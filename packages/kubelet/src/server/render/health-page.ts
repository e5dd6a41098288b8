import { type BodyAnswer, failure, plain } from '../model/exchange.js';

export interface HealthCheck {
  readonly name: string;
  /** Undefined while healthy. The reason goes to the log, not to the page. */
  readonly problem: () => string | undefined;
}

/** @param problem of the pod loops */
export function healthChecks(problem: () => string | undefined): readonly HealthCheck[] {
  const well = (): undefined => undefined;
  return [
    { name: 'ping', problem: well },
    { name: 'log', problem: well },
    { name: 'syncloop', problem },
  ];
}

/**
 * Renders `/healthz` and `/healthz/<name>`: 200 with `ok`, or 500 with one line per check.
 * `?verbose` lists the checks in any case, `?exclude=name` skips one.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/healthz/healthz.go
 */
export function healthPage(
  checks: readonly HealthCheck[],
  path: string,
  query: URLSearchParams,
): BodyAnswer {
  const [, , name = ''] = path.replace(/\/$/, '').split('/');
  if (name !== '') return onePage(checks, name);
  const excluded = new Set(query.getAll('exclude').filter((one) => one !== ''));
  const kept = checks.filter((check) => !excluded.has(check.name));
  const failed = kept.filter((check) => check.problem() !== undefined);
  const lines = kept.map((check) =>
    failed.includes(check) ? `[-]${check.name} failed: reason withheld\n` : `[+]${check.name} ok\n`,
  );
  const strange = [...excluded].filter((one) => !checks.some((check) => check.name === one));
  const warnings =
    strange.length === 0
      ? ''
      : `warn: some health checks cannot be excluded: no matches for ${strange.map((one) => JSON.stringify(one)).join(', ')}\n`;
  if (failed.length > 0) return failure(500, `${lines.join('')}${warnings}healthz check failed`);
  if (!query.has('verbose')) return plain(200, 'ok');
  return plain(200, `${lines.join('')}${warnings}healthz check passed\n`);
}

function onePage(checks: readonly HealthCheck[], name: string): BodyAnswer {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) return failure(404, '404 page not found');
  if (check.problem() === undefined) return plain(200, 'ok');
  return failure(500, 'internal server error: reason withheld');
}
