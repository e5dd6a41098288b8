import type { FieldError } from '../model/errors.js';
import type { ApiObject } from '../model/object.js';
import type { UserInfo } from '../model/request.js';

/** What a kind does beyond storing: pure functions over drafts, which they may change. */
export interface Strategy {
  /** Fills in what the API promises to be set; on every write of the main resource. */
  readonly defaults?: (draft: ApiObject) => void;
  /** Resets what a client may not choose on create, or what follows from who it is. */
  readonly create?: (draft: ApiObject, user: UserInfo) => void;
  /** Carries over what a client may not change. */
  readonly update?: (draft: ApiObject, old: ApiObject) => void;
  readonly validate?: (object: ApiObject) => readonly FieldError[];
  readonly validateUpdate?: (object: ApiObject, old: ApiObject) => readonly FieldError[];
  /** Of writes to the status alone. */
  readonly validateStatus?: (object: ApiObject, old: ApiObject) => readonly FieldError[];
}
