export { type ContractCase, type ContractScene, kubeClientContract } from './contract.js';
export {
  type CallMatch,
  createMemoryKubeClient,
  type MemoryCall,
  type MemoryKubeClient,
  type MemoryKubeClientOptions,
  type SubresourceHandler,
  type Verb,
} from './memory-kube-client.js';
