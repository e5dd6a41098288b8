export { parseRule } from './codec/iptables-rule.js';
export { chainNames, parseSave, parseSaveLines, type SaveLine } from './codec/iptables-save.js';
export { isNetfilterError, NetfilterError, type NetfilterErrorCode } from './model/errors.js';
export type {
  Chain,
  ConnectionState,
  IpFamily,
  Match,
  Network,
  Rule,
  Table,
  TableName,
  Target,
} from './model/iptables.js';
export { checkedChainName } from './plan/check-name.js';
export { type DiffOptions, diffTables, type IptablesOperation } from './plan/diff-tables.js';
export { evenChance } from './plan/even-chance.js';
export { featuresFromVersion, type IptablesFeatures } from './plan/features.js';
export { type Host, type Outcome, type Packet, traceOutcomes } from './plan/packet-tracer.js';
export { ruleKey } from './plan/rule-key.js';
export type {
  Command,
  CommandResult,
  CommandRunner,
  Iptables,
  PlacedRule,
  RulePosition,
} from './ports.js';
export { renderRestore, type RestoreTable } from './render/iptables-restore.js';
export { renderAppend, renderRule, ruleArguments } from './render/iptables-rule.js';
export { renderOperations, renderRuleset, renderTable } from './render/iptables-table.js';
export { createIptables, type IptablesOptions } from './run/iptables.js';
export {
  type FoundIptables,
  hasLegacyTables,
  probeIptables,
  type ProbeOptions,
} from './run/probe-iptables.js';
export { createTurns } from './run/take-turns.js';
