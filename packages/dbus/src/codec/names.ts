const MAX_NAME = 255;

/** `/`, `/org/freedesktop/systemd1` */
export function isObjectPath(text: string): boolean {
  return text === '/' || /^(?:\/\w+)+$/.test(text);
}

/** `org.freedesktop.systemd1.Manager`; names of errors follow the same rule. */
export function isInterfaceName(text: string): boolean {
  return text.length <= MAX_NAME && /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/.test(text);
}

/** `StartTransientUnit` */
export function isMemberName(text: string): boolean {
  return text.length <= MAX_NAME && /^[A-Za-z_]\w*$/.test(text);
}

/** `org.freedesktop.login1`, or a name that a bus gives to a connection: `:1.42`. */
export function isBusName(text: string): boolean {
  if (text.length > MAX_NAME) return false;
  if (text.startsWith(':')) return /^:[\w-]+(?:\.[\w-]+)+$/.test(text);
  return /^[A-Za-z_-][\w-]*(?:\.[A-Za-z_-][\w-]*)+$/.test(text);
}
