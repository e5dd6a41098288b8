import { ApiServerError } from '../model/errors.js';
import { findKind } from '../model/kinds.js';
import type { JsonObject } from '../model/object.js';
import type { ApiObject } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import type { Registry } from './registry.js';

export interface BootstrapOptions {
  readonly caPem: string;
  /** Address of this server: the endpoint of the Service `kubernetes`. */
  readonly host: string;
  readonly port: number;
  readonly serviceCidrs: readonly string[];
  /** The cluster IP of the `kubernetes` Service. */
  readonly serviceIp: string;
}

const CONTEXT: WriteContext = {
  user: { username: 'system:apiserver', groups: ['system:masters'] },
  dryRun: false,
  fieldManager: 'kube-apiserver',
  force: false,
};

/** Creates the objects that every cluster has from its start. */
export function bootstrap(registry: Registry, options: BootstrapOptions): void {
  for (const { namespace, object } of initialObjects(options)) {
    const [version = '', group = ''] = object.apiVersion.split('/').reverse();
    const kind = findKind(group, version, PLURALS[object.kind] ?? '');
    if (kind === undefined) {
      throw new ApiServerError('APISERVER_INTERNAL', `no kind for bootstrap object ${object.kind}`);
    }
    registry.create(kind, namespace, object, CONTEXT);
  }
}

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ConfigMap: 'configmaps',
  PriorityClass: 'priorityclasses',
  ServiceCIDR: 'servicecidrs',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};

interface Initial {
  readonly namespace: string;
  readonly object: ApiObject;
}

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function initial(apiVersion: string, kind: string, name: string, more: JsonObject = {}): Initial {
  const { namespace = '', labels, ...fields } = more as JsonObject & { namespace?: string };
  const metadata = { name, ...(labels === undefined ? {} : { labels }) } as ApiObject['metadata'];
  return { namespace, object: { apiVersion, kind, metadata, ...fields } };
}

function initialObjects({
  caPem,
  host,
  port,
  serviceCidrs,
  serviceIp,
}: BootstrapOptions): readonly Initial[] {
  return [
    ...NAMESPACES.map((name) => initial('v1', 'Namespace', name)),
    ...NAMESPACES.flatMap((namespace) => [
      initial('v1', 'ServiceAccount', 'default', { namespace }),
      initial('v1', 'ConfigMap', 'kube-root-ca.crt', { namespace, data: { 'ca.crt': caPem } }),
    ]),
    ...priorityClasses(),
    initial('networking.k8s.io/v1', 'ServiceCIDR', 'kubernetes', {
      spec: { cidrs: [...serviceCidrs] },
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: '',
            message: 'Kubernetes default Service CIDR is ready',
          },
        ],
      },
    }),
    ...kubernetesService({ host, port }, serviceIp),
    ...roles(),
  ];
}

function priorityClasses(): readonly Initial[] {
  const one = (name: string, value: number): Initial =>
    initial('scheduling.k8s.io/v1', 'PriorityClass', name, {
      value,
      preemptionPolicy: 'PreemptLowerPriority',
    });
  return [
    one('system-node-critical', 2_000_001_000),
    one('system-cluster-critical', 2_000_000_000),
  ];
}

/** Creates the Service through which pods find the API; its endpoint is this server. */
function kubernetesService(
  { host, port }: Readonly<{ host: string; port: number }>,
  clusterIP: string,
): readonly Initial[] {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const spec = {
    clusterIP,
    ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }],
  };
  const slice = {
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': 'kubernetes' },
    addressType: host.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  return [
    initial('v1', 'Service', 'kubernetes', { namespace: 'default', labels, spec }),
    initial('discovery.k8s.io/v1', 'EndpointSlice', 'kubernetes', slice),
  ];
}

const RBAC = 'rbac.authorization.k8s.io';

/**
 * Returns the few roles that this server's own users need. @see Kubernetes
 * bootstrappolicy/policy.go
 */
function roles(): readonly Initial[] {
  const read = ['get', 'list', 'watch'];
  const rules = [
    { apiGroups: [''], resources: ['services', 'endpoints', 'nodes'], verbs: read },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
    { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: read },
    {
      apiGroups: ['', 'events.k8s.io'],
      resources: ['events'],
      verbs: ['create', 'patch', 'update'],
    },
  ];
  const aboutOneself = [
    {
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews'],
      verbs: ['create'],
    },
    { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
  ];
  const askForCertificates = [
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests'],
      verbs: ['create', ...read],
    },
  ];
  const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
  return [
    initial(`${RBAC}/v1`, 'ClusterRole', 'cluster-admin', { rules: everything }),
    initial(`${RBAC}/v1`, 'ClusterRole', 'system:node-proxier', { rules }),
    initial(`${RBAC}/v1`, 'ClusterRole', 'system:kube-controller-manager', { rules: everything }),
    initial(`${RBAC}/v1`, 'ClusterRole', 'system:basic-user', { rules: aboutOneself }),
    initial(`${RBAC}/v1`, 'ClusterRole', 'system:node-bootstrapper', { rules: askForCertificates }),
    binding('system:node-bootstrapper', { kind: 'Group', name: 'system:bootstrappers' }),
    binding('system:basic-user', { kind: 'Group', name: 'system:authenticated' }),
    binding('cluster-admin', { kind: 'Group', name: 'system:masters' }),
    binding('system:node-proxier', { kind: 'User', name: 'system:kube-proxy' }),
    binding('system:kube-controller-manager', {
      kind: 'User',
      name: 'system:kube-controller-manager',
    }),
  ];
}

function binding(role: string, subject: Readonly<{ kind: string; name: string }>): Initial {
  return initial(`${RBAC}/v1`, 'ClusterRoleBinding', role, {
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: RBAC, ...subject }],
  });
}
