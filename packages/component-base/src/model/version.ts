/** The Kubernetes release that the agents follow; nodes and metrics report it. */
export const KUBERNETES_VERSION = 'v1.36.0';
