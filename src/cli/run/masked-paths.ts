/**
 * What a container must not see of the kernel, and what it may read only: the lists the kubelet sends for
 * `procMount: Default` (Kubernetes API, SecurityContext), which runtimes since Docker agree on.
 */
export const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
] as const;

export const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] as const;
