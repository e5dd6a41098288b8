import type { FieldError } from '../model/errors.js';
import type { ApiObject } from '../model/object.js';
import type { UserInfo } from '../model/request.js';

/** Behaviour of a kind beyond storing: pure functions over drafts, which they may change. */
export interface Strategy {
  /** Sets fields that the API promises to be set; on every write of the main resource. */
  readonly defaults?: (draft: ApiObject) => void;
  /**
   * Resets fields that a client may not choose on creation, and sets those that follow from the
   * user.
   */
  readonly create?: (draft: ApiObject, user: UserInfo) => void;
  /** Carries over fields that a client may not change. */
  readonly update?: (draft: ApiObject, old: ApiObject) => void;
  /** `old` is the state before an update. */
  readonly validate?: (object: ApiObject, old?: ApiObject) => readonly FieldError[];
  readonly validateUpdate?: (object: ApiObject, old: ApiObject) => readonly FieldError[];
  /** Validates writes to the status alone. */
  readonly validateStatus?: (object: ApiObject, old: ApiObject) => readonly FieldError[];
  /** Texts for the Warning headers of a write's answer. */
  readonly warnings?: (object: ApiObject, old?: ApiObject) => readonly string[];
}
