import { kindOf } from './kinds.js';

const GROUP = 'admissionregistration.k8s.io';

/** Kinds whose objects tell the server which writes to admit. */
export const POLICIES = kindOf(GROUP, 'validatingadmissionpolicies');
export const BINDINGS = kindOf(GROUP, 'validatingadmissionpolicybindings');
export const MUTATING_WEBHOOKS = kindOf(GROUP, 'mutatingwebhookconfigurations');
export const VALIDATING_WEBHOOKS = kindOf(GROUP, 'validatingwebhookconfigurations');
