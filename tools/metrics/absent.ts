const DEVICES = 'device plug-ins and resource claims are not supported yet';
const CPUS = 'CPUs, memory and NUMA nodes are not assigned yet';
const NO_QUEUE = 'this agent has no work queue of that kind: each pod has a loop of its own';
const NO_INFORMER = "it measures the Go client's informers";
const NO_PLUGIN = 'exec plug-ins of kubeconfigs are not supported yet';
const WINDOWS = 'it is for Windows';

/**
 * Metrics of the reference that an agent does not have, with the reason. A name may end with `*`.
 * An entry that matches nothing, or only metrics that the agent has, is an error.
 */
export const ABSENT: Readonly<Record<string, string>> = {
  'dra_*': DEVICES,
  'kubelet_device_plugin_*': DEVICES,
  'kubelet_pod_resources_endpoint_*': DEVICES,
  'kubelet_container_aligned_compute_resources_*': CPUS,
  'kubelet_cpu_manager_*': CPUS,
  'kubelet_memory_manager_*': CPUS,
  'kubelet_topology_manager_*': CPUS,
  'workqueue_*': NO_QUEUE,
  'informer_*': NO_INFORMER,
  'rest_client_exec_plugin_*': NO_PLUGIN,
  'kubelet_started_host_process_containers_*': WINDOWS,
  'kubelet_evented_pleg_*': 'events of the runtime have figures of their own: kubelet_pleg_*',
  'leader_election_*': 'no agent of a node has a leader',
  running_managed_controllers: 'no agent of a node runs controllers',
  kubelet_cri_losing_support: 'this kubelet needs no newer runtime',
  kubelet_pleg_discard_events: 'no event is discarded: a full relist follows instead',
  'kubelet_imagemanager_inmemory_*': 'one cache of 500 texts holds records of both kinds',
  kubelet_metrics_provider: 'figures come neither from cAdvisor nor from the runtime',
  'rest_client_transport_*': "it measures the Go client's cache of connections",
  rest_client_dns_resolution_duration_seconds: 'names are resolved by the HTTP client',
  '*_metrics_total': 'the metrics library does not count its metrics',
  version_info: 'only the kubelet shows the version of its node',
};
