/*
 * Preloaded into the user-mode kernel on processors whose register state is larger than the kernel's
 * buffer of 2,696 bytes (for instance those with AMX). Linux refuses to set a part of that state, so the
 * guest's first process would die. This library completes the kernel's part from the processor's present
 * state. The rest is AMX tiles, which nothing in the guest uses.
 *
 * It needs no header: any C compiler can build it with -shared -nostdlib.
 * See arch/x86/kernel/fpu/regset.c, xstateregs_set, and arch/x86/um/user-offsets.c, HOST_FP_SIZE.
 */
#define PTRACE_GETREGSET 0x4204
#define PTRACE_SETREGSET 0x4205
#define NT_X86_XSTATE 0x202
#define RTLD_NEXT ((void *)-1L)

struct iovec {
  void *base;
  unsigned long length;
};

typedef long traces(long, long, void *, void *);

void *dlsym(void *handle, const char *name);

static traces *real;
static unsigned char whole[65536];

long ptrace(long request, long pid, void *address, void *data) {
  struct iovec *part = data;
  struct iovec full = {whole, sizeof whole};
  unsigned long i;
  if (real == 0) real = (traces *)dlsym(RTLD_NEXT, "ptrace");
  if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
    return real(request, pid, address, data);
  if (real(PTRACE_GETREGSET, pid, address, &full) != 0 || full.length <= part->length)
    return real(request, pid, address, data);
  for (i = 0; i < part->length; i++) whole[i] = ((unsigned char *)part->base)[i];
  return real(request, pid, address, &full);
}
