export { encodeNftBatches, type NftBatch, type NftBatchOptions } from './codec/nft-batch.js';
export type { NftChange, NftObjectChange } from './model/nft-changes.js';
export { type NftField } from './model/nft-fields.js';
export type {
  NftGeneralStep,
  NftLimit,
  NftLog,
  NftMapRef,
  NftMatch,
  NftNatFlag,
  NftObjectType,
  NftOperator,
  NftPorts,
  NftQuota,
  NftSetField,
  NftStateful,
  NftUpdateSet,
  NftWritable,
} from './model/nft-steps.js';
export { type NftTypeName } from './model/nft-types.js';
export {
  type NftChain,
  nftDataText,
  type NftElement,
  type NftElements,
  type NftFamily,
  type NftFlowtable,
  type NftHook,
  type NftInventory,
  type NftKeyPart,
  nftKeyText,
  type NftListedRule,
  type NftObject,
  type NftOperation,
  type NftRejection,
  type NftRule,
  type NftSet,
  type NftStep,
  type NftTableName,
  type NftType,
  type NftValue,
  type NftVerdict,
  PROTOCOL_NUMBERS,
} from './model/nftables.js';
export { nftRule } from './plan/check-nft-step.js';
export { diffNftTables, type NftDiffOptions } from './plan/diff-nft.js';
export {
  nftContentsOf,
  type NftFilledChain,
  type NftFilledSet,
  type NftListedTable,
  type NftTableContents,
} from './plan/nft-contents.js';
export { nftRuleKey } from './plan/nft-rule-key.js';
export { traceNftOutcomes } from './plan/nft-tracer.js';
export type { NftTable } from './ports.js';
export { renderNftScript, renderStep } from './render/nft-script.js';
export { renderNftTable } from './render/nft-table.js';
export { NftEars, type NftListener } from './run/nft-ears.js';
export {
  createNftHandle,
  type NftDesired,
  type NftHandleOptions,
  type NftTableHandle,
} from './run/nft-handle.js';
export { monitorNft, type NftMonitorOptions } from './run/nft-monitor.js';
export { type NetlinkNftOptions, NetlinkNftTable } from './run/nft-netlink.js';
export { probeNft } from './run/nft-probe.js';
export { createProgramNftTable, type ProgramNftOptions } from './run/nft-program.js';
export { NftReader } from './run/nft-reader.js';
