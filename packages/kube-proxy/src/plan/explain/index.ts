export { buildView, type ViewInput } from '../build-view.js';
export { tracePacket } from '../trace/trace-packet.js';
export type { Trace, TraceNode, TraceOutcome, TracePacket } from '../trace/types.js';
export { explainPacket, type Explanation, renderMode } from './explain.js';
export type { ExplainInput, ModeExplainer, NodeSketch, RulePath } from './types.js';
