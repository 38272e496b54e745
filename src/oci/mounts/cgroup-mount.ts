/** One hierarchy of control groups as a container sees it mounted below /sys/fs/cgroup. */
export interface CgroupMount {
  readonly fsType: "cgroup" | "cgroup2";
  /** Directory below /sys/fs/cgroup; empty: the hierarchy is /sys/fs/cgroup itself (cgroup v2). */
  readonly name: string;
  /** Options that name a v1 hierarchy: its controllers, or "name=systemd". */
  readonly options: readonly string[];
  /** Further names the directory is known by: "cpu" for "cpu,cpuacct". */
  readonly aliases: readonly string[];
}
