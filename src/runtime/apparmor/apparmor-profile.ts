/** The name under which the kernel knows the profile that crib brings. */
export const defaultAppArmorProfile = "crib-default";

export interface ProfileOptions {
  /** The label this process runs under: it must be able to stop what it confines. */
  readonly ownLabel: string;
  /** The parser has `abi/3.0`; without it rules mean what the parser's own default says, which newer ones tighten. */
  readonly abi: boolean;
}

export interface ProfileText {
  readonly text: string;
  /** Name of a profile that the kernel lists when it has this very text. */
  readonly marker: string;
}

/**
 * AppArmor's counterpart of the default seccomp profile: the user, the capabilities and the filter say what a container may do, and
 * this holds even for one that was given CAP_SYS_ADMIN or an unmasked /proc: the kernel's switches in /proc and /sys stay as they
 * are, and nothing is mounted. It refuses what the profiles of moby and containerd refuse, so that a pod moves between engines.
 *
 * It includes nothing, so that the parser alone is enough; `[^x]**` are the names that do not go on with x (apparmor.d(5)).
 */
export function appArmorProfileText({ ownLabel, abi }: ProfileOptions): ProfileText {
  const name = defaultAppArmorProfile;
  const keeper = ownLabel === "unconfined" || ownLabel === name ? [] : [ownLabel];
  const lines = [
    ...(abi ? ["abi <abi/3.0>,"] : []),
    `profile ${name} flags=(attach_disconnected,mediate_deleted) {`,
    "  capability,",
    "  network,",
    "  unix,",
    "  file,",
    "  umount,",
    "",
    "  # Whoever keeps containers stops them; one another they may signal and trace.",
    "  signal (receive) peer=unconfined,",
    ...keeper.flatMap((label) => [
      `  signal (receive) peer=${quoted(label)},`,
      `  ptrace (readby, tracedby) peer=${quoted(label)},`,
    ]),
    `  signal (send, receive) peer=${name},`,
    `  ptrace (read, readby, trace, tracedby) peer=${name},`,
    "",
    "  deny mount,",
    "  deny pivot_root,",
    "",
    "  # Of /proc the processes' directories and the limits of shared memory may be written.",
    "  deny /proc/* wkl,",
    "  deny /proc/[^0-9s]*/** wkl,",
    "  deny /proc/s[^y]*/** wkl,",
    "  deny /proc/sys/[^k]** wkl,",
    "  deny /proc/sys/k[^e]** wkl,",
    "  deny /proc/sys/kernel/[^s]** wkl,",
    "  deny /proc/sys/kernel/s[^h]** wkl,",
    "  deny /proc/sys/kernel/sh[^m]** wkl,",
    "  deny /proc/{kcore,sysrq-trigger} rwklx,",
    "",
    "  # Of /sys the control groups.",
    "  deny /sys/[^f]** wkl,",
    "  deny /sys/f[^s]** wkl,",
    "  deny /sys/fs/[^c]** wkl,",
    "  deny /sys/fs/c[^g]** wkl,",
    "  deny /sys/fs/cg[^r]** wkl,",
    "  deny /sys/firmware/** rwklx,",
    "  deny /sys/kernel/{debug,security,tracing}/** rwklx,",
    "  deny /sys/devices/virtual/powercap/** rwklx,",
  ];
  const version = Bun.hash.xxHash64(lines.join("\n")).toString(16);
  // A child that nobody enters: by it the kernel itself tells which text it holds, to every daemon of this host.
  const text = [...lines, "", `  profile ${version} {`, "  }", "}", ""].join("\n");
  return { text, marker: `${name}//${version}` };
}

function quoted(label: string): string {
  return `"${label.replace(/["\\]/g, "\\$&")}"`;
}
