import type { Kind, SubresourceKind } from './kind.js';

type Row = Partial<Omit<Kind, 'group' | 'version'>> & Readonly<{ plural: string; kind: string }>;

function rows(group: string, version: string, list: readonly Row[]): readonly Kind[] {
  return list.map((row) => ({
    group,
    version,
    singular: row.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    type: `V1${row.kind}`,
    storage: group === '' ? row.plural : `${row.plural}.${group}`,
    generation: false,
    status: false,
    scale: false,
    subresources: {},
    selectable: [],
    stored: true,
    ...row,
  }));
}

function subresource(api: string, kind: string, verbs: string): SubresourceKind {
  const [version = '', group = ''] = api.split('/').reverse();
  return { group, version, kind, verbs: verbs.split(' ') };
}

const all = ['all'];

const CORE = rows('', 'v1', [
  {
    plural: 'pods',
    kind: 'Pod',
    shortNames: ['po'],
    categories: all,
    generation: true,
    status: true,
    subresources: {
      attach: subresource('v1', 'PodAttachOptions', 'create get'),
      binding: subresource('v1', 'Binding', 'create'),
      ephemeralcontainers: subresource('v1', 'Pod', 'get patch update'),
      eviction: subresource('policy/v1', 'Eviction', 'create'),
      exec: subresource('v1', 'PodExecOptions', 'create get'),
      log: subresource('v1', 'Pod', 'get'),
      portforward: subresource('v1', 'PodPortForwardOptions', 'create get'),
      resize: subresource('v1', 'Pod', 'get patch update'),
    },
    selectable: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.podIPs',
      'status.nominatedNodeName',
    ],
  },
  {
    plural: 'nodes',
    kind: 'Node',
    shortNames: ['no'],
    namespaced: false,
    status: true,
    subresources: {
      proxy: subresource('v1', 'NodeProxyOptions', 'create delete get patch update'),
    },
    selectable: ['spec.unschedulable'],
  },
  {
    plural: 'services',
    kind: 'Service',
    shortNames: ['svc'],
    categories: all,
    status: true,
    selectable: ['spec.clusterIP', 'spec.type'],
  },
  { plural: 'endpoints', kind: 'Endpoints', singular: 'endpoints', shortNames: ['ep'] },
  { plural: 'configmaps', kind: 'ConfigMap', shortNames: ['cm'] },
  { plural: 'secrets', kind: 'Secret', selectable: ['type'] },
  {
    plural: 'namespaces',
    kind: 'Namespace',
    shortNames: ['ns'],
    namespaced: false,
    status: true,
    subresources: { finalize: subresource('v1', 'Namespace', 'update') },
    selectable: ['status.phase'],
  },
  {
    plural: 'serviceaccounts',
    kind: 'ServiceAccount',
    shortNames: ['sa'],
    subresources: { token: subresource('authentication.k8s.io/v1', 'TokenRequest', 'create') },
  },
  {
    plural: 'events',
    kind: 'Event',
    shortNames: ['ev'],
    type: 'CoreV1Event',
    selectable: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'source',
      'type',
    ],
  },
  {
    plural: 'replicationcontrollers',
    kind: 'ReplicationController',
    shortNames: ['rc'],
    categories: all,
    generation: true,
    status: true,
    scale: true,
    selectable: ['status.replicas'],
  },
  { plural: 'podtemplates', kind: 'PodTemplate' },
  { plural: 'limitranges', kind: 'LimitRange', shortNames: ['limits'] },
  { plural: 'resourcequotas', kind: 'ResourceQuota', shortNames: ['quota'], status: true },
  {
    plural: 'persistentvolumes',
    kind: 'PersistentVolume',
    shortNames: ['pv'],
    namespaced: false,
    status: true,
  },
  {
    plural: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    shortNames: ['pvc'],
    status: true,
  },
  { plural: 'bindings', kind: 'Binding', stored: false },
]);

const workload = { categories: all, generation: true, status: true } as const;

const APPS = rows('apps', 'v1', [
  { plural: 'deployments', kind: 'Deployment', shortNames: ['deploy'], scale: true, ...workload },
  {
    plural: 'replicasets',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    scale: true,
    selectable: ['status.replicas'],
    ...workload,
  },
  { plural: 'daemonsets', kind: 'DaemonSet', shortNames: ['ds'], ...workload },
  { plural: 'statefulsets', kind: 'StatefulSet', shortNames: ['sts'], scale: true, ...workload },
  { plural: 'controllerrevisions', kind: 'ControllerRevision' },
]);

const BATCH = rows('batch', 'v1', [
  { plural: 'jobs', kind: 'Job', ...workload },
  { plural: 'cronjobs', kind: 'CronJob', shortNames: ['cj'], ...workload },
]);

const clusterWide = { namespaced: false } as const;

const STORAGE = rows('storage.k8s.io', 'v1', [
  { plural: 'csinodes', kind: 'CSINode', ...clusterWide },
  { plural: 'csidrivers', kind: 'CSIDriver', ...clusterWide },
  { plural: 'csistoragecapacities', kind: 'CSIStorageCapacity' },
  { plural: 'storageclasses', kind: 'StorageClass', shortNames: ['sc'], ...clusterWide },
  {
    plural: 'volumeattachments',
    kind: 'VolumeAttachment',
    status: true,
    ...clusterWide,
  },
]);

const NETWORKING = rows('networking.k8s.io', 'v1', [
  { plural: 'servicecidrs', kind: 'ServiceCIDR', status: true, ...clusterWide },
  { plural: 'ipaddresses', kind: 'IPAddress', shortNames: ['ip'], ...clusterWide },
  { plural: 'networkpolicies', kind: 'NetworkPolicy', shortNames: ['netpol'], generation: true },
  { plural: 'ingresses', kind: 'Ingress', shortNames: ['ing'], generation: true, status: true },
  { plural: 'ingressclasses', kind: 'IngressClass', generation: true, ...clusterWide },
]);

const RBAC = rows('rbac.authorization.k8s.io', 'v1', [
  { plural: 'roles', kind: 'Role' },
  { plural: 'rolebindings', kind: 'RoleBinding' },
  { plural: 'clusterroles', kind: 'ClusterRole', ...clusterWide },
  { plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', ...clusterWide },
]);

const RESOURCE = rows('resource.k8s.io', 'v1', [
  {
    plural: 'resourceslices',
    kind: 'ResourceSlice',
    selectable: ['spec.nodeName', 'spec.driver'],
    ...clusterWide,
  },
  {
    plural: 'resourceclaims',
    kind: 'ResourceClaim',
    type: 'ResourceV1ResourceClaim',
    status: true,
  },
  { plural: 'resourceclaimtemplates', kind: 'ResourceClaimTemplate' },
  { plural: 'deviceclasses', kind: 'DeviceClass', ...clusterWide },
]);

const review = { stored: false } as const;

const REVIEWS = [
  ...rows('authentication.k8s.io', 'v1', [
    { plural: 'tokenreviews', kind: 'TokenReview', ...clusterWide, ...review },
    { plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', ...clusterWide, ...review },
  ]),
  ...rows('authorization.k8s.io', 'v1', [
    { plural: 'subjectaccessreviews', kind: 'SubjectAccessReview', ...clusterWide, ...review },
    {
      plural: 'selfsubjectaccessreviews',
      kind: 'SelfSubjectAccessReview',
      ...clusterWide,
      ...review,
    },
    { plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', ...review },
  ]),
];

const OTHERS = [
  ...rows('discovery.k8s.io', 'v1', [
    { plural: 'endpointslices', kind: 'EndpointSlice', generation: true },
  ]),
  ...rows('coordination.k8s.io', 'v1', [{ plural: 'leases', kind: 'Lease' }]),
  ...rows('events.k8s.io', 'v1', [
    {
      plural: 'events',
      kind: 'Event',
      shortNames: ['ev'],
      type: 'EventsV1Event',
      storage: 'events',
      selectable: ['reason', 'reportingController', 'type', 'regarding.kind', 'regarding.name'],
    },
  ]),
  ...rows('node.k8s.io', 'v1', [
    { plural: 'runtimeclasses', kind: 'RuntimeClass', ...clusterWide },
  ]),
  ...rows('scheduling.k8s.io', 'v1', [
    {
      plural: 'priorityclasses',
      kind: 'PriorityClass',
      shortNames: ['pc'],
      generation: true,
      ...clusterWide,
    },
  ]),
  ...rows('policy', 'v1', [
    {
      plural: 'poddisruptionbudgets',
      kind: 'PodDisruptionBudget',
      shortNames: ['pdb'],
      generation: true,
      status: true,
    },
  ]),
  ...rows('autoscaling', 'v1', [
    {
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      shortNames: ['hpa'],
      categories: all,
      status: true,
    },
  ]),
  ...rows('certificates.k8s.io', 'v1', [
    {
      plural: 'certificatesigningrequests',
      kind: 'CertificateSigningRequest',
      shortNames: ['csr'],
      status: true,
      subresources: {
        approval: subresource(
          'certificates.k8s.io/v1',
          'CertificateSigningRequest',
          'get patch update',
        ),
      },
      selectable: ['spec.signerName'],
      ...clusterWide,
    },
  ]),
  ...rows('certificates.k8s.io', 'v1beta1', [
    {
      plural: 'clustertrustbundles',
      kind: 'ClusterTrustBundle',
      type: 'V1beta1ClusterTrustBundle',
      selectable: ['spec.signerName'],
      ...clusterWide,
    },
    {
      plural: 'podcertificaterequests',
      kind: 'PodCertificateRequest',
      type: 'V1beta1PodCertificateRequest',
      status: true,
      selectable: ['spec.signerName', 'spec.podName', 'spec.nodeName'],
    },
  ]),
  ...rows('admissionregistration.k8s.io', 'v1', [
    {
      plural: 'mutatingwebhookconfigurations',
      kind: 'MutatingWebhookConfiguration',
      generation: true,
      ...clusterWide,
    },
    {
      plural: 'validatingwebhookconfigurations',
      kind: 'ValidatingWebhookConfiguration',
      generation: true,
      ...clusterWide,
    },
    {
      plural: 'validatingadmissionpolicies',
      kind: 'ValidatingAdmissionPolicy',
      generation: true,
      status: true,
      ...clusterWide,
    },
    {
      plural: 'validatingadmissionpolicybindings',
      kind: 'ValidatingAdmissionPolicyBinding',
      generation: true,
      ...clusterWide,
    },
  ]),
  ...rows('apiextensions.k8s.io', 'v1', [
    {
      plural: 'customresourcedefinitions',
      kind: 'CustomResourceDefinition',
      shortNames: ['crd', 'crds'],
      generation: true,
      status: true,
      ...clusterWide,
    },
  ]),
];

/** Every kind the server knows; the core group first, as discovery lists it. */
export const KINDS: readonly Kind[] = [
  ...CORE,
  ...APPS,
  ...BATCH,
  ...STORAGE,
  ...NETWORKING,
  ...RBAC,
  ...RESOURCE,
  ...REVIEWS,
  ...OTHERS,
];

/** Verbs of the main resource in discovery's order. */
export const STORED_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;
