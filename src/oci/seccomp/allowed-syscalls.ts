/**
 * System calls every container may make, by theme: the set docker and containerd allow without condition, which is what
 * "RuntimeDefault" has come to mean to workloads. Names of other architectures and of kernels to come do no harm: a name
 * libseccomp does not know for an architecture is left out there.
 *
 * Not here on purpose: io_uring (long history of kernel bugs), keyrings, userfaultfd, kexec, mounts, namespaces, bpf.
 */
const byTheme = {
  processes: `
    execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getsid gettid kill pause pidfd_open
    pidfd_send_signal prctl prlimit64 process_mrelease restart_syscall rseq seccomp set_robust_list get_robust_list
    set_tid_address setpgid setsid tgkill tkill vfork wait4 waitid waitpid getpriority setpriority ioprio_get ioprio_set
    get_thread_area set_thread_area getrlimit ugetrlimit setrlimit getrusage times uretprobe`,
  credentials: `
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
    setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32 umask`,
  "security modules": `
    landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr`,
  memory: `
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
    mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  scheduling: `
    sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield`,
  synchronisation: `
    futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake`,
  signals: `
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn`,
  time: `
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64`,
  descriptors: `
    close close_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
    epoll_wait epoll_wait_old eventfd eventfd2 fcntl fcntl64 ioctl _newselect pipe pipe2 poll ppoll ppoll_time64
    pselect6 pselect6_time64 select`,
  "reading and writing": `
    cachestat copy_file_range fadvise64 fadvise64_64 fallocate fdatasync flock fsync ftruncate ftruncate64 _llseek lseek
    pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync
    sync_file_range syncfs tee truncate truncate64 vmsplice write writev`,
  "asynchronous input and output": `
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit`,
  paths: `
    access chdir creat faccessat faccessat2 fchdir getcwd getdents getdents64 link linkat listmount mkdir mkdirat mknod
    mknodat name_to_handle_at open openat openat2 readlink readlinkat rename renameat renameat2 rmdir statmount symlink
    symlinkat unlink unlinkat`,
  "file attributes": `
    chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat fstat fstat64 fstatat64 fstatfs fstatfs64
    futimesat lchown lchown32 lstat lstat64 newfstatat stat stat64 statfs statfs64 statx utime utimensat
    utimensat_time64 utimes`,
  "extended attributes": `
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  "file notification": "fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch",
  sockets: `
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
    send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`,
  "System V and POSIX ipc": `
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,
  system: "getrandom sysinfo uname",
} as const;

/** Sorted, so that equal profiles have equal JSON. */
export const allowedSyscalls: readonly string[] = Object.values(byTheme)
  .flatMap((names) => names.trim().split(/\s+/))
  .toSorted();
