/**
 * Names by number, starting at one, as on every Linux architecture that Node.js supports.
 *
 * @see Linux include/uapi/asm-generic/errno-base.h, errno.h
 */
const BASE =
  'EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ' +
  'ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ' +
  'ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP';

/** The numbers above 40 that netlink families return. */
const MORE: Readonly<Record<number, string>> = {
  42: 'ENOMSG',
  61: 'ENODATA',
  62: 'ETIME',
  71: 'EPROTO',
  74: 'EBADMSG',
  75: 'EOVERFLOW',
  84: 'EILSEQ',
  85: 'ERESTART',
  88: 'ENOTSOCK',
  90: 'EMSGSIZE',
  92: 'ENOPROTOOPT',
  93: 'EPROTONOSUPPORT',
  94: 'ESOCKTNOSUPPORT',
  95: 'EOPNOTSUPP',
  96: 'EPFNOSUPPORT',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  103: 'ECONNABORTED',
  104: 'ECONNRESET',
  105: 'ENOBUFS',
  106: 'EISCONN',
  107: 'ENOTCONN',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
  114: 'EALREADY',
  115: 'EINPROGRESS',
  116: 'ESTALE',
  125: 'ECANCELED',
  524: 'ENOTSUPP',
};

const names = new Map<number, string>([
  ...BASE.split(' ').map((name, i) => [i + 1, name] as const),
  ...Object.entries(MORE).map(([number, name]) => [Number(number), name] as const),
]);
const numbers = new Map([...names].map(([number, name]) => [name, number]));

/** `2` → `ENOENT`; a number that has no name here → `errno 2`. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/** `ENOENT` → 2; undefined for names that are not in the table. */
export function errnoNumber(name: string): number | undefined {
  return numbers.get(name);
}
