/* What the processor can do. */
#include "proto/kernel.h"

#if MT_KERNELS
#include <cpuid.h>
#include <stdatomic.h>

#define KNOWN 0x80000000u

/* Asked once, as CPUID costs a microsecond and more under a hypervisor. A constant that is found at
 * run time: every thread that comes first writes the same. */
static _Atomic unsigned cpu;

#define ZEN5 0x1au

/* AMD's family: the base one is full, and the other counts on from there; else 0. */
static unsigned amd_family(unsigned version)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx)
		return 0;
	return (version >> 8 & 15) + (version >> 20 & 255);
}

static unsigned ask(void)
{
	unsigned version, a, b, c, d, found = KNOWN;

	if (!__get_cpuid(1, &version, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
		return found;
	if (c & bit_AES)
		found |= MT_CPU_AES;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA))
		found |= MT_CPU_SHA;
	if (found & MT_CPU_SHA && amd_family(version) >= ZEN5)
		found |= MT_CPU_SHA_WIDE;
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
