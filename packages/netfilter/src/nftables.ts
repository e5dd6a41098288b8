export { encodeNftBatches, type NftBatch, type NftBatchOptions } from './codec/nft-batch.js';
export {
  type NftChain,
  nftDataText,
  type NftElement,
  type NftElements,
  type NftFamily,
  type NftHook,
  type NftInventory,
  type NftKeyPart,
  nftKeyText,
  type NftOperation,
  type NftRule,
  type NftSet,
  type NftStep,
  type NftTableName,
  type NftType,
  type NftValue,
  type NftVerdict,
  PROTOCOL_NUMBERS,
} from './model/nftables.js';
export { diffNftTables } from './plan/diff-nft.js';
export { nftContentsOf, type NftTableContents, traceNftOutcomes } from './plan/nft-tracer.js';
export type { NftTable } from './ports.js';
export { renderNftScript, renderStep } from './render/nft-script.js';
export { renderNftTable } from './render/nft-table.js';
export { NftEars, type NftListener } from './run/nft-ears.js';
export { type NetlinkNftOptions, NetlinkNftTable } from './run/nft-netlink.js';
export { probeNft } from './run/nft-probe.js';
export { createProgramNftTable, type ProgramNftOptions } from './run/nft-program.js';
