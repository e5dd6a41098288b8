/** The release of Kubernetes that the agents follow, as nodes and metrics show it. */
export const KUBERNETES_VERSION = 'v1.36.0';
