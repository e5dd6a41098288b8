import { type ApiObject, isObject, listAt, textAt, valueAt } from '../model/object.js';
import { ADMISSION_PRINTERS } from './admission-printers.js';
import { AGE, type Column, count, joined, NAME, size, text } from './columns.js';
import { ENDPOINT_SLICES, EVENTS, NODES, PODS, SERVICES, shortList } from './core-printers.js';
import { humanDuration, labelsText } from './human.js';
import { WORKLOAD_PRINTERS } from './workload-printers.js';

function csrCondition(csr: ApiObject): string {
  const types = listAt(csr, 'status.conditions').map(({ type }) => String(type));
  const words = [
    types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending',
  ];
  if (types.includes('Failed')) words.push('Failed');
  if (textAt(csr, 'status.certificate') !== '') words.push('Issued');
  return words.join(',');
}

function decisionOn(request: ApiObject): string {
  const [decision] = listAt(request, 'status.conditions');
  return decision === undefined ? 'Pending' : String(decision['type']);
}

function roleRef(object: ApiObject): string {
  return `${textAt(object, 'roleRef.kind')}/${textAt(object, 'roleRef.name')}`;
}

/**
 * Columns per storage; `*` for kinds without their own. @see Kubernetes
 * pkg/printers/internalversion
 */
export const PRINTERS: Readonly<Record<string, readonly Column[]>> = {
  '*': [
    NAME,
    {
      name: 'Created At',
      type: 'date',
      cell: (object) => textAt(object, 'metadata.creationTimestamp'),
    },
  ],
  pods: PODS,
  nodes: NODES,
  services: SERVICES,
  events: EVENTS,
  'endpointslices.discovery.k8s.io': ENDPOINT_SLICES,
  endpoints: [
    NAME,
    {
      name: 'Endpoints',
      cell: (endpoints) => {
        const all = listAt(endpoints, 'subsets').flatMap((subset) =>
          listAt(subset, 'addresses').flatMap(({ ip }) =>
            listAt(subset, 'ports').map(({ port }) => `${String(ip)}:${String(port)}`),
          ),
        );
        return all.length === 0 ? '<none>' : shortList(all);
      },
    },
    AGE,
  ],
  namespaces: [NAME, text('Status', 'status.phase'), AGE],
  configmaps: [NAME, size('Data', 'data'), AGE],
  secrets: [NAME, text('Type', 'type'), size('Data', 'data'), AGE],
  serviceaccounts: [NAME, AGE],
  'leases.coordination.k8s.io': [NAME, text('Holder', 'spec.holderIdentity'), AGE],
  ...WORKLOAD_PRINTERS,
  ...ADMISSION_PRINTERS,
  'runtimeclasses.node.k8s.io': [NAME, text('Handler', 'handler'), AGE],
  'priorityclasses.scheduling.k8s.io': [
    NAME,
    count('Value', 'value'),
    {
      name: 'Global-Default',
      type: 'boolean',
      cell: (object) => valueAt(object, 'globalDefault') === true,
    },
    AGE,
    text('PreemptionPolicy', 'preemptionPolicy'),
  ],
  'servicecidrs.networking.k8s.io': [NAME, joined('CIDRs', 'spec.cidrs'), AGE],
  'certificatesigningrequests.certificates.k8s.io': [
    NAME,
    AGE,
    text('SignerName', 'spec.signerName'),
    text('Requestor', 'spec.username'),
    {
      name: 'RequestedDuration',
      cell: (csr) => {
        const seconds = valueAt(csr, 'spec.expirationSeconds');
        return typeof seconds === 'number' ? humanDuration(seconds * 1_000) : '<none>';
      },
    },
    { name: 'Condition', cell: csrCondition },
  ],
  'clustertrustbundles.certificates.k8s.io': [NAME, text('SignerName', 'spec.signerName')],
  'podcertificaterequests.certificates.k8s.io': [
    NAME,
    text('PodName', 'spec.podName'),
    text('ServiceAccountName', 'spec.serviceAccountName'),
    text('NodeName', 'spec.nodeName'),
    text('SignerName', 'spec.signerName'),
    { name: 'State', cell: decisionOn },
  ],
  'clusterrolebindings.rbac.authorization.k8s.io': [NAME, { name: 'Role', cell: roleRef }, AGE],
  'rolebindings.rbac.authorization.k8s.io': [NAME, { name: 'Role', cell: roleRef }, AGE],
  'networkpolicies.networking.k8s.io': [
    NAME,
    {
      name: 'Pod-Selector',
      cell: (policy) => {
        const labels = valueAt(policy, 'spec.podSelector.matchLabels');
        return isObject(labels) ? labelsText(labels) : '<none>';
      },
    },
    AGE,
  ],
};
