import { FEATURE_GATES, type FeatureName } from '../model/feature-gates.js';
import { FEATURE_NEEDS } from '../model/feature-needs.js';

/** Says for every feature whether it is on. Frozen: features do not change while a program runs. */
export type Features = Readonly<Record<FeatureName, boolean>>;

export interface ParsedFeatures {
  readonly features: Features;
  /** Gates that cannot be set so, in Kubernetes' words; empty if all can. */
  readonly problems: readonly string[];
}

const STAGE_OF_ALL = { AllAlpha: 'alpha', AllBeta: 'beta' } as const;
const NAMES = Object.keys(FEATURE_GATES) as readonly FeatureName[];

/**
 * Applies gates that are set by name to Kubernetes' defaults. `AllAlpha` and `AllBeta` set the gates
 * of their stage that are not set by name.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/component-base/featuregate/feature_gate.go
 */
export function parseFeatures(set: Readonly<Record<string, boolean>> = {}): ParsedFeatures {
  const features = Object.fromEntries(
    NAMES.map((name) => [name, set[name] ?? byStage(name, set) ?? FEATURE_GATES[name].isOn]),
  ) as Record<FeatureName, boolean>;
  const problems = Object.entries(set).flatMap(([name, isOn]) => problemOf(name, isOn));
  // a feature without its needs is a second report of the same mistake
  if (problems.length === 0) problems.push(...unmetNeeds(features));
  return { features: Object.freeze(features), problems };
}

/** Returns whether Kubernetes knows a gate of that name. */
export function isFeatureName(name: string): name is FeatureName {
  return Object.hasOwn(FEATURE_GATES, name);
}

function byStage(name: FeatureName, set: Readonly<Record<string, boolean>>): boolean | undefined {
  if (name in STAGE_OF_ALL) return undefined;
  const { stage } = FEATURE_GATES[name];
  if (stage === 'alpha') return set['AllAlpha'];
  return stage === 'beta' ? set['AllBeta'] : undefined;
}

function problemOf(name: string, isOn: boolean): readonly string[] {
  if (!isFeatureName(name)) return [`unrecognized feature gate: ${name}`];
  const gate = FEATURE_GATES[name];
  if (!gate.isLocked || gate.isOn === isOn) return [];
  return [`cannot set feature gate ${name} to ${isOn}, feature is locked to ${gate.isOn}`];
}

function unmetNeeds(features: Features): readonly string[] {
  return NAMES.filter((name) => features[name]).flatMap((name) => {
    const missing = (FEATURE_NEEDS[name] ?? []).filter((needed) => !features[needed]);
    if (missing.length === 0) return [];
    const list = missing.join(' ');
    return [`${name} is enabled, but depends on features that are disabled: [${list}]`];
  });
}

/**
 * Finds the gates whose setting an operator should know more about.
 *
 * @param fixed gates that the program does not act on, although others of its kind do
 * @returns one line per gate, or per group of gates that `AllAlpha` or `AllBeta` switched
 */
export function featureWarnings(
  set: Readonly<Record<string, boolean>>,
  fixed: ReadonlySet<FeatureName>,
): readonly string[] {
  const named = Object.entries(set).flatMap(([name, isOn]): readonly string[] => {
    if (!isFeatureName(name)) return [];
    const { stage, isOn: isUsual } = FEATURE_GATES[name];
    if (fixed.has(name) && isOn !== isUsual) {
      return [`${name}=${isOn} has no effect in this program`];
    }
    if (stage === 'ga') return [`${name} is generally available; its gate will be removed`];
    return stage === 'deprecated' ? [`${name} is deprecated; its gate will be removed`] : [];
  });
  const grouped = Object.entries(STAGE_OF_ALL).flatMap(([all, stage]) => {
    const isOn = set[all];
    const without = [...fixed].filter(
      (name) =>
        FEATURE_GATES[name].stage === stage &&
        set[name] === undefined &&
        FEATURE_GATES[name].isOn !== isOn,
    );
    if (isOn === undefined || without.length === 0) return [];
    return [`${all}=${isOn} has no effect on ${without.join(', ')}`];
  });
  return [...named, ...grouped];
}

/**
 * Reads the values of `--feature-gates`, `Name=true` pairs, as Kubernetes does.
 *
 * @throws {Error} for a value that is not a boolean of Go
 * @see Go's strconv.ParseBool
 */
export function parseGateValues(
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      if (TRUE.has(text)) return [name, true];
      if (FALSE.has(text)) return [name, false];
      throw new Error(`${name} must be true or false, found ${JSON.stringify(text)}`);
    }),
  );
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);
