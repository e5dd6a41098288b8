import { parseQuantity } from '@nodeagent/base';
import type { FeatureName, Problem } from '@nodeagent/component-base';

import type { KubeletConfig } from '../model/config.js';

type Options = Readonly<Record<string, FeatureName | undefined>>;

/** Options of the CPU manager's static policy, each with the gate that it needs. */
const CPU_OPTIONS: Options = {
  'full-pcpus-only': undefined,
  'strict-cpu-reservation': undefined,
  'prefer-align-cpus-by-uncorecache': undefined,
  'distribute-cpus-across-numa': 'CPUManagerPolicyBetaOptions',
  'align-by-socket': 'CPUManagerPolicyAlphaOptions',
  'distribute-cpus-across-cores': 'CPUManagerPolicyAlphaOptions',
};

const TOPOLOGY_OPTIONS: Options = {
  'prefer-closest-numa-nodes': undefined,
  'max-allowable-numa-nodes': undefined,
};

/** The topology manager compares every set of NUMA nodes: 8 nodes are 255 sets. */
const LEAST_NUMA_NODES = 8;
const GO_BOOLEAN = /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/;

/**
 * Finds what is wrong with settings of the CPU, memory and topology managers.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/cpumanager/policy_options.go, topologymanager/policy_options.go
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/validation/validation_reserved_memory.go
 */
export function managerProblems(config: KubeletConfig): readonly Problem[] {
  return [
    ...optionProblems(config, 'cpuManagerPolicyOptions', CPU_OPTIONS),
    ...optionProblems(config, 'topologyManagerPolicyOptions', TOPOLOGY_OPTIONS),
    ...withoutPolicy(config),
    ...reservedMemoryProblems(config),
    ...qosReservedProblems(config),
  ];
}

function optionProblems(
  config: KubeletConfig,
  field: 'cpuManagerPolicyOptions' | 'topologyManagerPolicyOptions',
  known: Options,
): readonly Problem[] {
  return Object.entries(config[field]).flatMap(([name, value]): readonly Problem[] => {
    if (!Object.hasOwn(known, name)) {
      const message = `unknown option; known are ${Object.keys(known).join(', ')}`;
      return [{ field: `${field}.${name}`, message }];
    }
    const gate = known[name];
    if (gate !== undefined && !config.features[gate]) {
      return [{ field: `${field}.${name}`, message: `needs the feature gate ${gate}` }];
    }
    const problem = name === 'max-allowable-numa-nodes' ? numaProblem(value) : flagProblem(value);
    return problem === undefined ? [] : [{ field: `${field}.${name}`, message: problem }];
  });
}

function flagProblem(value: string): string | undefined {
  return GO_BOOLEAN.test(value)
    ? undefined
    : `must be true or false, found ${JSON.stringify(value)}`;
}

function numaProblem(value: string): string | undefined {
  const isEnough = /^\d{1,9}$/.test(value) && Number(value) >= LEAST_NUMA_NODES;
  return isEnough
    ? undefined
    : `must be a whole number, ${LEAST_NUMA_NODES} or more, found ${JSON.stringify(value)}`;
}

function withoutPolicy(config: KubeletConfig): readonly Problem[] {
  const hasOptions = Object.keys(config.cpuManagerPolicyOptions).length > 0;
  if (config.cpuManagerPolicy === 'static' || !hasOptions) return [];
  return [{ field: 'cpuManagerPolicyOptions', message: 'needs cpuManagerPolicy: static' }];
}

function reservedMemoryProblems({ reservedMemory }: KubeletConfig): readonly Problem[] {
  const seen = new Set<string>();
  return reservedMemory.flatMap(({ numaNode, limits }, index) =>
    Object.entries(limits).flatMap(([resource, text]) => {
      const field = `reservedMemory[${index}].limits.${resource}`;
      const key = `${numaNode} ${resource}`;
      const isTwice = seen.has(key);
      seen.add(key);
      const isKnown = resource === 'memory' || resource.startsWith('hugepages-');
      const isPositive = (parseQuantity(text) ?? 0n) > 0n;
      return [
        ...(isKnown ? [] : ['only memory and hugepages-SIZE can be reserved']),
        ...(isPositive ? [] : [`must be a quantity above 0, found ${JSON.stringify(text)}`]),
        ...(isTwice ? [`is given twice for NUMA node ${numaNode}`] : []),
      ].map((message) => ({ field, message }));
    }),
  );
}

function qosReservedProblems({ qosReserved }: KubeletConfig): readonly Problem[] {
  return Object.entries(qosReserved).flatMap(([resource, text]) => {
    const field = `qosReserved.${resource}`;
    if (resource !== 'memory') return [{ field, message: 'only memory can be reserved' }];
    if (/^(100|\d{1,2})%$/.test(text)) return [];
    return [{ field, message: `must be 0% to 100%, found ${JSON.stringify(text)}` }];
  });
}
