import { parseTimestamp } from '@nodeagent/base';

import { type ApiObject, listAt, textAt, valueAt } from '../model/object.js';
import { AGE, type Column, CONTAINERS, count, IMAGES, NAME, SELECTOR } from './columns.js';
import { humanDuration, labelsText } from './human.js';

const REPLICAS: readonly Column[] = [
  NAME,
  count('Desired', 'spec.replicas'),
  count('Current', 'status.replicas'),
  count('Ready', 'status.readyReplicas'),
  AGE,
  CONTAINERS,
  IMAGES,
  SELECTOR,
];

function readyOf(object: ApiObject): string {
  const ready = textAt(object, 'status.readyReplicas') || '0';
  return `${ready}/${textAt(object, 'spec.replicas') || '0'}`;
}

const JOBS: readonly Column[] = [
  NAME,
  {
    name: 'Status',
    cell: (job) => {
      const on = listAt(job, 'status.conditions').filter(({ status }) => status === 'True');
      const found = ['Failed', 'Complete'].find((type) => on.some((c) => c['type'] === type));
      return found ?? 'Running';
    },
  },
  {
    name: 'Completions',
    cell: (job) =>
      `${textAt(job, 'status.succeeded') || '0'}/${textAt(job, 'spec.completions') || '1'}`,
  },
  {
    name: 'Duration',
    cell: (job, nowMs) => {
      const from = parseTimestamp(textAt(job, 'status.startTime'));
      const to = parseTimestamp(textAt(job, 'status.completionTime')) ?? nowMs;
      return from === undefined ? '' : humanDuration(to - from);
    },
  },
  AGE,
  CONTAINERS,
  IMAGES,
  SELECTOR,
];

/** Columns of the kinds that have a pod template, per storage. */
export const WORKLOAD_PRINTERS: Readonly<Record<string, readonly Column[]>> = {
  'deployments.apps': [
    NAME,
    { name: 'Ready', cell: readyOf },
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  'replicasets.apps': REPLICAS,
  replicationcontrollers: REPLICAS,
  'statefulsets.apps': [NAME, { name: 'Ready', cell: readyOf }, AGE, CONTAINERS, IMAGES],
  'daemonsets.apps': [
    NAME,
    count('Desired', 'status.desiredNumberScheduled'),
    count('Current', 'status.currentNumberScheduled'),
    count('Ready', 'status.numberReady'),
    count('Up-to-date', 'status.updatedNumberScheduled'),
    count('Available', 'status.numberAvailable'),
    {
      name: 'Node Selector',
      cell: (object) => labelsText(valueAt(object, 'spec.template.spec.nodeSelector')),
    },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  'jobs.batch': JOBS,
};
