import { featureWarnings, type PlainObject, unusedFieldWarnings } from '@nodeagent/component-base';

import type { ConfigDocument } from '../model/config-file.js';
import { FIXED_FEATURES } from '../model/fixed-features.js';
import { UNUSED_FIELDS } from '../model/unused-fields.js';

/**
 * Finds settings that the kubelet accepts but does not act on.
 *
 * @param given the files and flags as they are written
 * @param document the same with defaults filled in
 * @param usual the defaults alone
 * @returns one line per field or gate that is given and is not at its default
 */
export function configWarnings(
  given: PlainObject,
  document: ConfigDocument,
  usual: ConfigDocument,
): readonly string[] {
  const gates = featureWarnings(document.featureGates, FIXED_FEATURES);
  return [
    ...unusedFieldWarnings(UNUSED_FIELDS, given, document, usual),
    ...gates.map((line) => `featureGates: ${line}`),
  ];
}
