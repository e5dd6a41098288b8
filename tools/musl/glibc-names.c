/*
 * Lets the Node.js of the npm registry, which is built for glibc, run on musl's libc: it has the names
 * that glibc has and musl 1.2 lacks. It takes the place of glibc's loader (ld-linux-x86-64.so.2), which
 * Node.js and libstdc++ need as a library. Everything else is musl's.
 *
 * The functions are for tests: a thread's C++ objects are not destroyed at its end, there is no stack
 * trace of a crash, and coroutines end the process. None of the names is one that the netlink add-on uses.
 *
 * It needs no header: any C compiler for x86-64 can build it with -shared -nostdlib.
 */
typedef unsigned long size_t;

void abort(void);
int memcmp(const void *, const void *, size_t);
void *memcpy(void *, const void *, size_t);

/* C++ exceptions: where the unwinder finds the tables of a function. See glibc's dlfcn.h, gcc's
 * unwind-dw2-fde-dip.c, and elf(5) for the segments. */

#define PT_LOAD 1
#define PT_GNU_EH_FRAME 0x6474e550

struct segment {
  unsigned type, flags;
  unsigned long offset, address, physical, filled, size, align;
};

struct object {
  unsigned long base;
  const char *name;
  const struct segment *segments;
  unsigned short count;
};

struct found {
  unsigned long long flags;
  void *start, *end, *map, *frames;
  unsigned long long reserved[7];
};

struct search {
  unsigned long at;
  struct found *found;
};

int dl_iterate_phdr(int (*)(struct object *, size_t, void *), void *);

static int look(struct object *object, size_t size, void *data) {
  struct search *search = data;
  struct found *found = search->found;
  int inside = 0, i;
  found->frames = 0;
  for (i = 0; i < object->count; i++) {
    const struct segment *segment = &object->segments[i];
    unsigned long start = object->base + segment->address;
    if (segment->type == PT_GNU_EH_FRAME) found->frames = (void *)start;
    if (segment->type != PT_LOAD || search->at - start >= segment->size) continue;
    inside = 1;
    found->start = (void *)start;
    found->end = (void *)(start + segment->size);
  }
  return inside && found->frames != 0;
}

int _dl_find_object(void *at, struct found *found) {
  struct search search = {(unsigned long)at, found};
  found->flags = 0;
  found->map = 0;
  return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}

/* libatomic: its own functions are chosen for the processor when it is loaded (IFUNC), which musl's
 * loader does not do. */

static char lock;

int __atomic_compare_exchange(size_t size, void *at, void *expected, void *desired, int a, int b) {
  int held, same;
  do {
    held = 1;
    __asm__ volatile("xchgb %b0, %1" : "+q"(held), "+m"(lock) : : "memory");
  } while ((held & 255) != 0);
  same = memcmp(at, expected, size) == 0;
  if (same) memcpy(at, desired, size);
  else memcpy(expected, at, size);
  __asm__ volatile("movb $0, %0" : "=m"(lock) : : "memory");
  return same;
}

/* libgcc and libstdc++ */

int __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }
char __libc_single_threaded = 0;
int __cxa_thread_atexit_impl(void (*end)(void *), void *object, void *library) { return 0; }

int getentropy(void *, size_t);
unsigned arc4random(void) {
  unsigned value;
  if (getentropy(&value, sizeof value) != 0) abort();
  return value;
}

size_t strftime_l(char *, size_t, const char *, const void *, void *);
size_t __strftime_l(char *to, size_t size, const char *format, const void *time, void *locale) {
  return strftime_l(to, size, format, time, locale);
}

/* Node.js */

void *__libc_stack_end;
const char *gnu_get_libc_version(void) { return "2.36"; }
int __res_init(void) { return 0; }

int fcntl(int, int, ...);
int fcntl64(int descriptor, int command, void *argument) {
  return fcntl(descriptor, command, argument);
}

int pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *library) {
  return pthread_atfork(before, parent, child);
}

int backtrace(void **frames, int size) { return 0; }
char **backtrace_symbols(void *const *frames, int size) { return 0; }
void backtrace_symbols_fd(void *const *frames, int size, int descriptor) {}

int getcontext(void *context) {
  abort();
  return -1;
}
int setcontext(const void *context) {
  abort();
  return -1;
}
void makecontext(void *context, void (*function)(void), int count, ...) { abort(); }
