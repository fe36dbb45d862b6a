/*
 * Giving up what the program does not need, so that a fault in it is worth
 * little: no new privileges, no core dumps, no other programs, no outgoing
 * connections, and, where the kernel has Landlock, no files: the program runs as
 * the server's user, whose files are the database.
 */
#include "network/receiver.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#if defined(__linux__) && defined(__x86_64__)
#define HAVE_FILTER 1
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__linux__) && defined(__aarch64__)
#define HAVE_FILTER 1
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* a sanitizer maps terabytes, and writes reports */
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/landlock.h>) && !defined(HAVE_SANITIZER)
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef SYS_landlock_create_ruleset
#define HAVE_LANDLOCK 1
#endif
#endif
#endif

/* Above what the limits on bodies and connections allow; far below what would
 * hurt the server. */
#define MEMORY_LIMIT ((rlim_t) 4096 * 1024 * 1024)

#ifdef HAVE_LANDLOCK

/* No path may be opened, made, changed or removed from here on. */
static void
close_file_system(void)
{
	/* all rights of the first version of Landlock */
	struct landlock_ruleset_attr attributes = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	long ruleset = syscall(SYS_landlock_create_ruleset,
						   &attributes,
						   sizeof(attributes.handled_access_fs),
						   0);

	if (ruleset < 0)
		return;
	(void) syscall(SYS_landlock_restrict_self, (int) ruleset, 0);
	(void) close((int) ruleset);
}

#endif

static void
limit(int resource, rlim_t value)
{
	struct rlimit wanted = {value, value};

	(void) setrlimit(resource, &wanted);
}

#ifdef HAVE_FILTER

#define OTHER_NUMBERS 0x40000000

#define DENY(number)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                       \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* System calls that a network parser has no use for and an attacker has. */
static void
filter_system_calls(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		/* other numbers for the same calls (x32) */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_NUMBERS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		DENY(SYS_execve),
		DENY(SYS_execveat),
		DENY(SYS_socket),
		DENY(SYS_connect),
		DENY(SYS_ptrace),
		DENY(SYS_process_vm_readv),
		DENY(SYS_process_vm_writev),
		DENY(SYS_kill),
		DENY(SYS_tkill),
		DENY(SYS_rt_sigqueueinfo),
		DENY(SYS_rt_tgsigqueueinfo),
		DENY(SYS_pidfd_send_signal),
		DENY(SYS_io_uring_setup),
		DENY(SYS_unlinkat),
		DENY(SYS_renameat2),
		DENY(SYS_mount),
		DENY(SYS_bpf),
		DENY(SYS_perf_event_open),
#ifdef SYS_fork
		DENY(SYS_fork),
		DENY(SYS_vfork),
		DENY(SYS_unlink),
		DENY(SYS_rename),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(rules) / sizeof(rules[0]),
		.filter = rules,
	};

	(void) prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

#endif

void
confine_process(void)
{
#ifdef __linux__
	(void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	limit(RLIMIT_CORE, 0);
#ifndef HAVE_SANITIZER
	limit(RLIMIT_AS, MEMORY_LIMIT);
	/* it writes to sockets alone */
	limit(RLIMIT_FSIZE, 0);
#endif
#ifdef HAVE_LANDLOCK
	close_file_system();
#endif
#ifdef HAVE_FILTER
	filter_system_calls();
#endif
}
