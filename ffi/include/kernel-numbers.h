/* Made of ffi/numbers.json: change that, then `npm run gen`. */
#ifndef CRIB_KERNEL_NUMBERS_H
#define CRIB_KERNEL_NUMBERS_H

#ifdef O_RDONLY
_Static_assert(O_RDONLY == 0, "ffi/numbers.json: O_RDONLY");
#endif
#ifdef O_WRONLY
_Static_assert(O_WRONLY == 0x1, "ffi/numbers.json: O_WRONLY");
#endif
#ifdef O_RDWR
_Static_assert(O_RDWR == 0x2, "ffi/numbers.json: O_RDWR");
#endif
#ifdef O_CREAT
_Static_assert(O_CREAT == 0x40, "ffi/numbers.json: O_CREAT");
#endif
#ifdef O_EXCL
_Static_assert(O_EXCL == 0x80, "ffi/numbers.json: O_EXCL");
#endif
#ifdef O_NOCTTY
_Static_assert(O_NOCTTY == 0x100, "ffi/numbers.json: O_NOCTTY");
#endif
#ifdef O_TRUNC
_Static_assert(O_TRUNC == 0x200, "ffi/numbers.json: O_TRUNC");
#endif
#ifdef O_APPEND
_Static_assert(O_APPEND == 0x400, "ffi/numbers.json: O_APPEND");
#endif
#ifdef O_NONBLOCK
_Static_assert(O_NONBLOCK == 0x800, "ffi/numbers.json: O_NONBLOCK");
#endif
#ifdef O_NOATIME
_Static_assert(O_NOATIME == 0x40000, "ffi/numbers.json: O_NOATIME");
#endif
#ifdef O_PATH
_Static_assert(O_PATH == 0x200000, "ffi/numbers.json: O_PATH");
#endif
#ifdef RENAME_NOREPLACE
_Static_assert(RENAME_NOREPLACE == 0x1, "ffi/numbers.json: RENAME_NOREPLACE");
#endif
#ifdef RENAME_EXCHANGE
_Static_assert(RENAME_EXCHANGE == 0x2, "ffi/numbers.json: RENAME_EXCHANGE");
#endif
#ifdef RENAME_WHITEOUT
_Static_assert(RENAME_WHITEOUT == 0x4, "ffi/numbers.json: RENAME_WHITEOUT");
#endif
#ifdef S_IFMT
_Static_assert(S_IFMT == 0xf000, "ffi/numbers.json: S_IFMT");
#endif
#ifdef S_IFSOCK
_Static_assert(S_IFSOCK == 0xc000, "ffi/numbers.json: S_IFSOCK");
#endif
#ifdef S_IFLNK
_Static_assert(S_IFLNK == 0xa000, "ffi/numbers.json: S_IFLNK");
#endif
#ifdef S_IFREG
_Static_assert(S_IFREG == 0x8000, "ffi/numbers.json: S_IFREG");
#endif
#ifdef S_IFBLK
_Static_assert(S_IFBLK == 0x6000, "ffi/numbers.json: S_IFBLK");
#endif
#ifdef S_IFDIR
_Static_assert(S_IFDIR == 0x4000, "ffi/numbers.json: S_IFDIR");
#endif
#ifdef S_IFCHR
_Static_assert(S_IFCHR == 0x2000, "ffi/numbers.json: S_IFCHR");
#endif
#ifdef S_IFIFO
_Static_assert(S_IFIFO == 0x1000, "ffi/numbers.json: S_IFIFO");
#endif
#ifdef S_ISUID
_Static_assert(S_ISUID == 0x800, "ffi/numbers.json: S_ISUID");
#endif
#ifdef S_ISGID
_Static_assert(S_ISGID == 0x400, "ffi/numbers.json: S_ISGID");
#endif
#ifdef S_ISVTX
_Static_assert(S_ISVTX == 0x200, "ffi/numbers.json: S_ISVTX");
#endif
#ifdef MS_RDONLY
_Static_assert(MS_RDONLY == 0x1, "ffi/numbers.json: MS_RDONLY");
#endif
#ifdef MS_NOSUID
_Static_assert(MS_NOSUID == 0x2, "ffi/numbers.json: MS_NOSUID");
#endif
#ifdef MS_NODEV
_Static_assert(MS_NODEV == 0x4, "ffi/numbers.json: MS_NODEV");
#endif
#ifdef MS_NOEXEC
_Static_assert(MS_NOEXEC == 0x8, "ffi/numbers.json: MS_NOEXEC");
#endif
#ifdef MS_SYNCHRONOUS
_Static_assert(MS_SYNCHRONOUS == 0x10, "ffi/numbers.json: MS_SYNCHRONOUS");
#endif
#ifdef MS_REMOUNT
_Static_assert(MS_REMOUNT == 0x20, "ffi/numbers.json: MS_REMOUNT");
#endif
#ifdef MS_MANDLOCK
_Static_assert(MS_MANDLOCK == 0x40, "ffi/numbers.json: MS_MANDLOCK");
#endif
#ifdef MS_DIRSYNC
_Static_assert(MS_DIRSYNC == 0x80, "ffi/numbers.json: MS_DIRSYNC");
#endif
#ifdef MS_NOSYMFOLLOW
_Static_assert(MS_NOSYMFOLLOW == 0x100, "ffi/numbers.json: MS_NOSYMFOLLOW");
#endif
#ifdef MS_NOATIME
_Static_assert(MS_NOATIME == 0x400, "ffi/numbers.json: MS_NOATIME");
#endif
#ifdef MS_NODIRATIME
_Static_assert(MS_NODIRATIME == 0x800, "ffi/numbers.json: MS_NODIRATIME");
#endif
#ifdef MS_BIND
_Static_assert(MS_BIND == 0x1000, "ffi/numbers.json: MS_BIND");
#endif
#ifdef MS_MOVE
_Static_assert(MS_MOVE == 0x2000, "ffi/numbers.json: MS_MOVE");
#endif
#ifdef MS_REC
_Static_assert(MS_REC == 0x4000, "ffi/numbers.json: MS_REC");
#endif
#ifdef MS_SILENT
_Static_assert(MS_SILENT == 0x8000, "ffi/numbers.json: MS_SILENT");
#endif
#ifdef MS_POSIXACL
_Static_assert(MS_POSIXACL == 0x10000, "ffi/numbers.json: MS_POSIXACL");
#endif
#ifdef MS_UNBINDABLE
_Static_assert(MS_UNBINDABLE == 0x20000, "ffi/numbers.json: MS_UNBINDABLE");
#endif
#ifdef MS_PRIVATE
_Static_assert(MS_PRIVATE == 0x40000, "ffi/numbers.json: MS_PRIVATE");
#endif
#ifdef MS_SLAVE
_Static_assert(MS_SLAVE == 0x80000, "ffi/numbers.json: MS_SLAVE");
#endif
#ifdef MS_SHARED
_Static_assert(MS_SHARED == 0x100000, "ffi/numbers.json: MS_SHARED");
#endif
#ifdef MS_RELATIME
_Static_assert(MS_RELATIME == 0x200000, "ffi/numbers.json: MS_RELATIME");
#endif
#ifdef MS_I_VERSION
_Static_assert(MS_I_VERSION == 0x800000, "ffi/numbers.json: MS_I_VERSION");
#endif
#ifdef MS_STRICTATIME
_Static_assert(MS_STRICTATIME == 0x1000000, "ffi/numbers.json: MS_STRICTATIME");
#endif
#ifdef MS_LAZYTIME
_Static_assert(MS_LAZYTIME == 0x2000000, "ffi/numbers.json: MS_LAZYTIME");
#endif
#ifdef MNT_FORCE
_Static_assert(MNT_FORCE == 0x1, "ffi/numbers.json: MNT_FORCE");
#endif
#ifdef MNT_DETACH
_Static_assert(MNT_DETACH == 0x2, "ffi/numbers.json: MNT_DETACH");
#endif
#ifdef MNT_EXPIRE
_Static_assert(MNT_EXPIRE == 0x4, "ffi/numbers.json: MNT_EXPIRE");
#endif
#ifdef UMOUNT_NOFOLLOW
_Static_assert(UMOUNT_NOFOLLOW == 0x8, "ffi/numbers.json: UMOUNT_NOFOLLOW");
#endif
#ifdef MOUNT_ATTR_RDONLY
_Static_assert(MOUNT_ATTR_RDONLY == 0x1, "ffi/numbers.json: MOUNT_ATTR_RDONLY");
#endif
#ifdef MOUNT_ATTR_NOSUID
_Static_assert(MOUNT_ATTR_NOSUID == 0x2, "ffi/numbers.json: MOUNT_ATTR_NOSUID");
#endif
#ifdef MOUNT_ATTR_NODEV
_Static_assert(MOUNT_ATTR_NODEV == 0x4, "ffi/numbers.json: MOUNT_ATTR_NODEV");
#endif
#ifdef MOUNT_ATTR_NOEXEC
_Static_assert(MOUNT_ATTR_NOEXEC == 0x8, "ffi/numbers.json: MOUNT_ATTR_NOEXEC");
#endif
#ifdef MOUNT_ATTR__ATIME
_Static_assert(MOUNT_ATTR__ATIME == 0x70, "ffi/numbers.json: MOUNT_ATTR__ATIME");
#endif
#ifdef MOUNT_ATTR_RELATIME
_Static_assert(MOUNT_ATTR_RELATIME == 0x0, "ffi/numbers.json: MOUNT_ATTR_RELATIME");
#endif
#ifdef MOUNT_ATTR_NOATIME
_Static_assert(MOUNT_ATTR_NOATIME == 0x10, "ffi/numbers.json: MOUNT_ATTR_NOATIME");
#endif
#ifdef MOUNT_ATTR_STRICTATIME
_Static_assert(MOUNT_ATTR_STRICTATIME == 0x20, "ffi/numbers.json: MOUNT_ATTR_STRICTATIME");
#endif
#ifdef MOUNT_ATTR_NODIRATIME
_Static_assert(MOUNT_ATTR_NODIRATIME == 0x80, "ffi/numbers.json: MOUNT_ATTR_NODIRATIME");
#endif
#ifdef MOUNT_ATTR_IDMAP
_Static_assert(MOUNT_ATTR_IDMAP == 0x100000, "ffi/numbers.json: MOUNT_ATTR_IDMAP");
#endif
#ifdef MOUNT_ATTR_NOSYMFOLLOW
_Static_assert(MOUNT_ATTR_NOSYMFOLLOW == 0x200000, "ffi/numbers.json: MOUNT_ATTR_NOSYMFOLLOW");
#endif
#ifdef CLONE_NEWTIME
_Static_assert(CLONE_NEWTIME == 0x80, "ffi/numbers.json: CLONE_NEWTIME");
#endif
#ifdef CLONE_NEWNS
_Static_assert(CLONE_NEWNS == 0x20000, "ffi/numbers.json: CLONE_NEWNS");
#endif
#ifdef CLONE_NEWCGROUP
_Static_assert(CLONE_NEWCGROUP == 0x2000000, "ffi/numbers.json: CLONE_NEWCGROUP");
#endif
#ifdef CLONE_NEWUTS
_Static_assert(CLONE_NEWUTS == 0x4000000, "ffi/numbers.json: CLONE_NEWUTS");
#endif
#ifdef CLONE_NEWIPC
_Static_assert(CLONE_NEWIPC == 0x8000000, "ffi/numbers.json: CLONE_NEWIPC");
#endif
#ifdef CLONE_NEWUSER
_Static_assert(CLONE_NEWUSER == 0x10000000, "ffi/numbers.json: CLONE_NEWUSER");
#endif
#ifdef CLONE_NEWPID
_Static_assert(CLONE_NEWPID == 0x20000000, "ffi/numbers.json: CLONE_NEWPID");
#endif
#ifdef CLONE_NEWNET
_Static_assert(CLONE_NEWNET == 0x40000000, "ffi/numbers.json: CLONE_NEWNET");
#endif
#ifdef RESOLVE_NO_XDEV
_Static_assert(RESOLVE_NO_XDEV == 0x1, "ffi/numbers.json: RESOLVE_NO_XDEV");
#endif
#ifdef RESOLVE_NO_MAGICLINKS
_Static_assert(RESOLVE_NO_MAGICLINKS == 0x2, "ffi/numbers.json: RESOLVE_NO_MAGICLINKS");
#endif
#ifdef RESOLVE_NO_SYMLINKS
_Static_assert(RESOLVE_NO_SYMLINKS == 0x4, "ffi/numbers.json: RESOLVE_NO_SYMLINKS");
#endif
#ifdef RESOLVE_BENEATH
_Static_assert(RESOLVE_BENEATH == 0x8, "ffi/numbers.json: RESOLVE_BENEATH");
#endif
#ifdef RESOLVE_IN_ROOT
_Static_assert(RESOLVE_IN_ROOT == 0x10, "ffi/numbers.json: RESOLVE_IN_ROOT");
#endif
#ifdef RESOLVE_CACHED
_Static_assert(RESOLVE_CACHED == 0x20, "ffi/numbers.json: RESOLVE_CACHED");
#endif

#if defined(__x86_64__)
#ifdef O_DIRECTORY
_Static_assert(O_DIRECTORY == 0x10000, "ffi/numbers.json: O_DIRECTORY");
#endif
#ifdef O_NOFOLLOW
_Static_assert(O_NOFOLLOW == 0x20000, "ffi/numbers.json: O_NOFOLLOW");
#endif
#ifdef O_TMPFILE
_Static_assert(O_TMPFILE == 0x410000, "ffi/numbers.json: O_TMPFILE");
#endif
#elif defined(__aarch64__)
#ifdef O_DIRECTORY
_Static_assert(O_DIRECTORY == 0x4000, "ffi/numbers.json: O_DIRECTORY");
#endif
#ifdef O_NOFOLLOW
_Static_assert(O_NOFOLLOW == 0x8000, "ffi/numbers.json: O_NOFOLLOW");
#endif
#ifdef O_TMPFILE
_Static_assert(O_TMPFILE == 0x404000, "ffi/numbers.json: O_TMPFILE");
#endif
#else
#error "ffi/numbers.json lacks this architecture"
#endif

#endif
