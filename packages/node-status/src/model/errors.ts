import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `NODE_ALLOCATABLE_INVALID` more is reserved than the machine has · `NODE_FACT_UNREADABLE` a
 * required file of /proc or /sys is missing or malformed.
 */
export type NodeStatusErrorCode = 'NODE_ALLOCATABLE_INVALID' | 'NODE_FACT_UNREADABLE';

export class NodeStatusError extends codedError<NodeStatusErrorCode>('NodeStatusError') {}

/** Matches the name and, where any are given, the codes. */
export const isNodeStatusError = errorGuard(NodeStatusError);
