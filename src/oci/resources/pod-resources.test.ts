import { describe, expect, test } from "bun:test";
import { podLimits } from "./pod-resources.ts";

const devices = [] as const;

describe("podLimits()", () => {
  test("adds the overhead to the containers' sum", () => {
    const limits = podLimits({
      resources: {
        devices,
        cpu: { shares: 1024, quota: 50_000, period: 100_000, cpus: "0-3" },
        memory: { limit: 1000, swap: 1500 },
        hugepageLimits: [{ pageSize: "2MB", limit: 4 }],
      },
      overhead: {
        devices,
        cpu: { shares: 256, quota: 5000, period: 50_000, cpus: "7" },
        memory: { limit: 100 },
        hugepageLimits: [{ pageSize: "2MB", limit: 2 }],
      },
    });
    expect(limits).toEqual({
      devices,
      cpu: { shares: 1280, quota: 60_000, period: 100_000, cpus: "0-3" },
      memory: { limit: 1100, swap: 1600 },
      hugepageLimits: [{ pageSize: "2MB", limit: 6 }],
    });
  });

  test("limits nothing that the sum leaves without limit", () => {
    const overhead = { devices, cpu: { shares: 2, quota: 10 }, memory: { limit: 10, swap: 10 } };
    expect(podLimits({ resources: { devices }, overhead })).toEqual({ devices });
    expect(
      podLimits({ resources: { devices, cpu: { quota: -1, shares: 3 }, memory: { limit: -1, swap: -1 } }, overhead }),
    ).toEqual({ devices, cpu: { quota: -1, shares: 5 }, memory: { limit: -1, swap: -1 } });
  });

  test("is the sum where there is no overhead", () => {
    const resources = { devices, cpu: { shares: 3 }, memory: { limit: 7, swap: 7 } };
    expect(podLimits({ resources, overhead: { devices } })).toEqual(resources);
  });
});
