#ifndef CRIB_KERNEL_H
#define CRIB_KERNEL_H

/*
 * The system calls crib needs that libc has no (or no portable) wrapper for. All return -errno.
 * Never include <sys/mount.h> beside this: glibc's enums collide with <linux/mount.h>.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel-numbers.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef MOUNT_ATTR__ATIME
#define MOUNT_ATTR__ATIME 0x00000070
#endif
#ifndef SO_PEERPIDFD /* 6.5 */
#define SO_PEERPIDFD 77
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define PROC_SUPER_MAGIC 0x9fa0
#define DEVPTS_SUPER_MAGIC 0x1cd1
#define NSFS_MAGIC 0x6e736673
#define CGROUP2_SUPER_MAGIC 0x63677270

static inline long negative_errno(long result)
{
	return result < 0 ? -errno : result;
}

static inline int sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)negative_errno(syscall(SYS_openat2, dir, path, how, sizeof(*how)));
}

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)negative_errno(syscall(SYS_open_tree, dir, path, flags));
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)negative_errno(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

static inline int sys_fsopen(const char *type)
{
	return (int)negative_errno(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static inline int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
	return (int)negative_errno(syscall(SYS_fsconfig, fs, command, key, value, aux));
}

static inline int sys_fsmount(int fs, unsigned attributes)
{
	return (int)negative_errno(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes));
}

static inline int sys_mount_setattr(int dir, unsigned flags, struct mount_attr *attr)
{
	return (int)negative_errno(syscall(SYS_mount_setattr, dir, "", flags | AT_EMPTY_PATH, attr, sizeof(*attr)));
}

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
			    const void *data)
{
	return (int)negative_errno(syscall(SYS_mount, source, target, type, flags, data));
}

static inline int sys_umount2(const char *target, int flags)
{
	return (int)negative_errno(syscall(SYS_umount2, target, flags));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)negative_errno(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int sys_setns(int fd, int type)
{
	return (int)negative_errno(syscall(SYS_setns, fd, type));
}

static inline int sys_unshare(unsigned long flags)
{
	return (int)negative_errno(syscall(SYS_unshare, flags));
}

static inline pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)negative_errno(syscall(SYS_clone3, args, sizeof(*args)));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return (int)negative_errno(syscall(SYS_pidfd_open, pid, 0));
}

static inline int sys_pidfd_send_signal(int pidfd, int signal_number)
{
	return (int)negative_errno(syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0));
}

/* Without an environment. Returns only when it failed. */
static inline int sys_execveat(int executable, const char *const *arguments)
{
	static const char *const none[] = {NULL};
	return (int)negative_errno(syscall(SYS_execveat, executable, "", arguments, none, AT_EMPTY_PATH));
}

static inline int sys_close_range(unsigned first, unsigned last)
{
	return (int)negative_errno(syscall(SYS_close_range, first, last, 0));
}

#endif
