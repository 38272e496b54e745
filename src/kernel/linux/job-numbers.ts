// Made of ffi/numbers.json: change that, then `npm run gen`.

export const JobKind = {
  files: 0,
  netlink: 1,
  socket: 2,
  spawn: 3,
} as const;

export const fileOperations = {
  mkdir: 1,
  rmdir: 2,
  write: 3,
  read: 4,
  exists: 5,
  chown: 6,
  directories: 7,
  umount: 8,
  unlink: 9,
  devices: 10,
} as const;
