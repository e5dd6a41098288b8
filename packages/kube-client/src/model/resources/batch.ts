import type { CronJob, Job } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function batch<T>(plural: string, kind: string): Resource<T> {
  return { group: 'batch', version: 'v1', plural, kind, namespaced: true };
}

/** `batch/v1`, by namespace: pods that run to their end. Subresource: `status`. */
export const JOBS = batch<Job>('jobs', 'Job');
/** `batch/v1`, by namespace: makes Jobs at times of a schedule. Subresource: `status`. */
export const CRON_JOBS = batch<CronJob>('cronjobs', 'CronJob');
