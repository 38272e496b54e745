// Made of ffi/numbers.json: change that, then `npm run gen`.

export const protocol = {
  magic: 0x4f4d5243,
  oldest: 1,
  newest: 3,
} as const;

export const plan = {
  magic: 0x4c505243,
  version: 1,
} as const;

export const FrameKind = {
  hello: 1,
  setup: 2,
  start: 3,
  exec: 4,
  signal: 5,
  list: 6,
  reopenLog: 7,
  resize: 8,
  closeStdin: 9,
  stdin: 10,
  forget: 11,
  shutdown: 12,
  abandon: 13,
  attach: 14,
  unshare: 15,
  mute: 16,
  renew: 17,
  ok: 0x8000,
  error: 0x8001,
  exit: 0x9001,
  execOutput: 0x9002,
  execExit: 0x9003,
  execDrained: 0x9004,
} as const;

export const stepNumbers = {
  "join-cgroup": 1,
  "oom-score-adj": 2,
  "join-namespace": 3,
  unshare: 4,
  hostname: 5,
  rlimit: 6,
  "open-source": 7,
  "root-propagation": 9,
  rootfs: 10,
  mount: 11,
  bind: 12,
  device: 13,
  symlink: 14,
  console: 15,
  pivot: 16,
  mask: 17,
  "read-only": 18,
  "read-only-root": 19,
  sysctl: 20,
  "session-keyring": 21,
  umask: 22,
  "lsm-label": 23,
  "no-new-privileges": 24,
  user: 25,
  capabilities: 26,
  seccomp: 27,
  "working-directory": 28,
  exec: 29,
  "stdio-owner": 30,
  "idmap-source": 31,
  "idmapped-rootfs": 32,
  "enter-user-namespace": 33,
  "open-image": 34,
  hook: 40,
  "copy-up": 45,
  runtime: 46,
  "shim-start": 47,
  shim: 48,
} as const;

export const pidNamespaces = {
  own: 0,
  host: 1,
  pod: 2,
  process: 3,
} as const;

export const propagations = {
  private: 0,
  slave: 1,
  shared: 2,
} as const;

export const deviceTypes = {
  char: 0,
  block: 1,
  fifo: 2,
} as const;

export const lsms = {
  apparmor: 0,
  selinux: 1,
} as const;
