import type { ContainerSecurityContext } from "../../spec/security-context.ts";

/** Kernel files that tell about or act on the whole host; powercap leaks other tenants' work (GHSA-7ww5-4wqc-m92c). */
const defaultMaskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
] as const;

const defaultReadonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] as const;

/**
 * Which paths a container sees empty and which it cannot write.
 *
 * The kubelet always sends both lists; both empty in a security context is its way to say procMount "Unmasked". Only a
 * request without any security context gets the defaults.
 */
export function protectedPaths(security: ContainerSecurityContext | undefined): {
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
} {
  if (security === undefined) return { maskedPaths: defaultMaskedPaths, readonlyPaths: defaultReadonlyPaths };
  if (security.privileged) return { maskedPaths: [], readonlyPaths: [] };
  return { maskedPaths: security.maskedPaths, readonlyPaths: security.readonlyPaths };
}
