/** A line of /proc/PID/uid_map as the request writes it: `length` ids from `containerId` on are those from `hostId` on. */
export interface IdMapping {
  readonly containerId: number;
  readonly hostId: number;
  readonly length: number;
}
