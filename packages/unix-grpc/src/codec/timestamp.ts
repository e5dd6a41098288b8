import { int32, int64 } from './fields.js';
import { message } from './message.js';

/** `google.protobuf.Timestamp`: seconds since 1970 and nanoseconds, 0 to 999,999,999. */
export const Timestamp = message({ seconds: int64(1), nanos: int32(2) });
