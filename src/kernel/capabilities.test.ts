import { expect, test } from "bun:test";
import { capabilityMask, capabilityNames, isCapabilityName } from "./capabilities.ts";

test("names are known exactly", () => {
  expect(capabilityNames).toHaveLength(41);
  expect(isCapabilityName("CAP_NET_ADMIN")).toBe(true);
  for (const name of ["NET_ADMIN", "cap_net_admin", "CAP_", "toString", "__proto__"])
    expect(isCapabilityName(name)).toBe(false);
});

test("masks have a bit a capability", () => {
  expect(capabilityMask([])).toBe(0n);
  expect(capabilityMask(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"])).toBe(1n | (1n << 21n) | (1n << 40n));
  expect(capabilityMask(capabilityNames)).toBe((1n << 41n) - 1n);
});
