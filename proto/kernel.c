/* What the processor can do. */
#include "proto/kernel.h"

#if MT_KERNELS
#include <cpuid.h>
#include <stdatomic.h>

#define KNOWN 0x80000000u

/* Asked once, as CPUID costs a microsecond and more under a hypervisor. A constant that is found at
 * run time: every thread that comes first writes the same. */
static _Atomic unsigned cpu;

static unsigned ask(void)
{
	unsigned a, b, c, d, found = KNOWN;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
		return found;
	if (c & bit_AES)
		found |= MT_CPU_AES;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA))
		found |= MT_CPU_SHA;
	return found;
}

unsigned mt_cpu(void)
{
	unsigned known = atomic_load_explicit(&cpu, memory_order_relaxed);

	if (!known) {
		known = ask();
		atomic_store_explicit(&cpu, known, memory_order_relaxed);
	}
	return known & ~KNOWN;
}
#else
unsigned mt_cpu(void)
{
	return 0;
}
#endif
