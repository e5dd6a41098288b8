export { createKubelet, type Kubelet } from './create-kubelet.js';
export { kubeconfigApi, type KubeconfigApiOptions } from './kubeconfig-api.js';
