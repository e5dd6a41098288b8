/** The Kubernetes release that the agents follow; nodes and metrics report it. */
export const KUBERNETES_VERSION = 'v1.36.0';

const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.');
/** The minor release before it, `1.35`: the only value of `showHiddenMetricsForVersion`. */
export const PREVIOUS_VERSION = `${major}.${Number(minor) - 1}`;
