export { type ContractCase, type ContractScene, kubeClientContract } from './contract.js';
export type { CallMatch, MemoryCall, Verb } from './memory-call.js';
export {
  createMemoryKubeClient,
  type MemoryKubeClient,
  type MemoryKubeClientOptions,
  type SubresourceHandler,
} from './memory-kube-client.js';
