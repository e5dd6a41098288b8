import { type Flow, type FlowQuery, matchesFlow } from '../model/conntrack.js';
import type { Conntrack } from '../ports.js';

/** Tracked flows in memory. */
export class MemoryConntrack implements Conntrack {
  flows: Flow[];
  /** Number of times the table was walked. */
  lists = 0;

  constructor(flows: readonly Flow[] = []) {
    this.flows = [...flows];
  }

  async list(query: FlowQuery): Promise<readonly Flow[]> {
    this.lists += 1;
    return this.flows.filter((flow) => matchesFlow(flow, query));
  }

  async delete(flows: readonly Flow[]): Promise<number> {
    const before = this.flows.length;
    for (const gone of flows) this.flows = this.flows.filter((flow) => !isSame(flow, gone));
    return before - this.flows.length;
  }

  close(): void {
    // there is no connection
  }
}

/**
 * Compares what the kernel identifies an entry by: source, destination, and the identity if given.
 */
function isSame(flow: Flow, { protocol, original, zone, id }: Flow): boolean {
  if (flow.zone !== zone || (id !== undefined && flow.id !== id)) return false;
  return matchesFlow(flow, { protocol, original });
}
