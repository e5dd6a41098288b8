import { trimEndOf } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podName, podNamespace, StartError } from '../../pod/index.js';

export interface PodHostname {
  readonly hostname: string;
  /** Empty if the pod has no subdomain. */
  readonly domain: string;
}

const MAX_LABEL = 63;
const MAX_HOSTNAME = 64;

/**
 * The rules for names, and their error messages.
 *
 * @see RFC 1123 section 2.1, RFC 1035 section 2.3.4
 */
const RULES = {
  'DNS label': {
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    longest: MAX_LABEL,
    text: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    example: "'my-name',  or '123-abc'",
  },
  'DNS subdomain': {
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    longest: 253,
    text: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    example: "'example.com'",
  },
} as const;

/**
 * The hostname and domain of a pod.
 *
 * @throws {StartError} `CreateContainerConfigError` for names that DNS does not allow
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, GeneratePodHostNameAndDomain
 */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostnameOverride, hostname, subdomain } = pod.spec ?? {};
  if (hostnameOverride !== undefined) {
    check(hostnameOverride, 'pod HostnameOverride', 'DNS subdomain');
    return { hostname: hostnameOverride, domain: '' };
  }
  if (hostname) check(hostname, 'pod Hostname', 'DNS label');
  if (subdomain) check(subdomain, 'pod Subdomain', 'DNS label');
  const domain = subdomain ? `${subdomain}.${podNamespace(pod)}.svc.${clusterDomain}` : '';
  return { hostname: shortened(hostname || podName(pod)), domain };
}

/**
 * The hostname of the sandbox, which includes the domain if the pod requests that.
 *
 * @throws {StartError} if it is longer than the kernel allows
 */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (pod.spec?.setHostnameAsFQDN !== true || domain === '') return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length <= MAX_HOSTNAME) return full;
  throw new StartError(
    'CreateContainerConfigError',
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (64 characters is the max, ${full.length} characters requested)`,
  );
}

function shortened(name: string): string {
  return name.length <= MAX_LABEL ? name : trimEndOf(name.slice(0, MAX_LABEL), '-.');
}

function check(value: string, what: string, kind: keyof typeof RULES): void {
  const { pattern, longest, text, example } = RULES[kind];
  const matches = pattern.test(value);
  if (matches && value.length <= longest) return;
  const why = matches
    ? `must be no more than ${longest} characters`
    : `${text} (e.g. ${example}, regex used for validation is '${pattern.source.slice(1, -1)}')`;
  const message = `${what} ${JSON.stringify(value)} is not a valid ${kind}: ${why}`;
  throw new StartError('CreateContainerConfigError', message);
}
