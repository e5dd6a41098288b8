export {
  checkIpsetEntry,
  type IpsetEntry,
  ipsetEntryText,
  type IpsetProtocol,
  type IpsetSpec,
  type IpsetState,
  type IpsetType,
} from './model/ipset.js';
export type { Ipset } from './ports.js';
export {
  type IpsetContent,
  renderIpsetCreate,
  renderIpsetRestore,
} from './render/ipset-restore.js';
export { KernelIpset, type KernelIpsetOptions } from './run/kernel-ipset.js';
