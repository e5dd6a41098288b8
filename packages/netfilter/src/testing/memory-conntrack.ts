import type { Conntrack, Flow, FlowFilter } from '../ports.js';

/** Tracked flows in memory. */
export class MemoryConntrack implements Conntrack {
  flows: Flow[];

  constructor(flows: readonly Flow[] = []) {
    this.flows = [...flows];
  }

  async list(protocol: Flow['protocol']): Promise<readonly Flow[]> {
    return this.flows.filter((flow) => flow.protocol === protocol);
  }

  async delete(filter: FlowFilter): Promise<number> {
    const before = this.flows.length;
    this.flows = this.flows.filter((flow) => !matches(flow, filter));
    return before - this.flows.length;
  }
}

function matches({ protocol, original, reply }: Flow, filter: FlowFilter): boolean {
  return (
    protocol === filter.protocol &&
    original.destination === filter.destination &&
    original.destinationPort === filter.destinationPort &&
    reply.source === filter.replySource &&
    reply.sourcePort === filter.replySourcePort
  );
}
