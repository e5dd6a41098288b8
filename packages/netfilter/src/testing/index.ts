export { type Host, type Outcome, type Packet, traceOutcomes } from '../plan/packet-tracer.js';
export { MemoryConntrack } from './memory-conntrack.js';
export { MemoryIpset } from './memory-ipset.js';
export { MemoryIptables } from './memory-iptables.js';
export {
  type MemoryNftChain,
  type MemoryNftContents,
  type MemoryNftSet,
  MemoryNftTable,
} from './memory-nft.js';
export { type ScriptedAnswer, ScriptedCommandRunner } from './scripted-command.js';
