import { describe, expect, test } from "bun:test";
import { Errno } from "../../../errors/errno.ts";
import { MonitorError } from "./launch-failure.ts";
import {
  commonVersion,
  MonitorProtocolError,
  spoken,
  type VersionRange,
  withCommonVersion,
} from "./protocol-version.ts";

function refusal(range: string): MonitorError {
  return new MonitorError({
    errno: Errno.EPROTONOSUPPORT,
    step: undefined,
    index: 0,
    call: "monitor speaks protocol",
    path: range,
  });
}

/** A monitor that knows `range` and refuses whatever is not within it, word for word as those do. */
function monitorOf(range: VersionRange, words: string) {
  const offers: VersionRange[] = [];
  return {
    offers,
    connect(offer: VersionRange): Promise<number> {
      offers.push(offer);
      const exact = range.oldest === range.newest && range.newest === 1;
      // Version 1 compares the whole field, in which a range has two numbers.
      if (exact && (offer.oldest !== 1 || offer.newest !== 1)) return Promise.reject(refusal(words));
      const version = Math.min(offer.newest, range.newest);
      return version >= Math.max(offer.oldest, range.oldest)
        ? Promise.resolve(version)
        : Promise.reject(refusal(words));
    },
  };
}

describe("the protocol version that daemon and monitor agree on", () => {
  test("is the newest both know", async () => {
    const monitor = monitorOf({ oldest: 1, newest: 9 }, "1-9");
    expect(await withCommonVersion("monitor", monitor.connect)).toBe(spoken.newest);
    expect(monitor.offers).toEqual([spoken]);
  });

  test("H3: is 1 with a monitor from before there was anything to agree on", async () => {
    const monitor = monitorOf({ oldest: 1, newest: 1 }, "1");
    expect(await withCommonVersion("monitor", monitor.connect)).toBe(1);
    expect(monitor.offers).toEqual([spoken, { oldest: 1, newest: 1 }]);
  });

  test("H3: is none with one that is too new, which is told by an error of its own", async () => {
    const monitor = monitorOf({ oldest: 7, newest: 9 }, "7-9");
    const failed = await withCommonVersion("monitor of sandbox x", monitor.connect).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MonitorProtocolError);
    expect(failed).toMatchObject({ code: "unimplemented", its: { oldest: 7, newest: 9 } });
    expect(String(failed)).toContain(
      "monitor of sandbox x speaks protocol 7 to 9, this crib 1 to 3: its pod is left alone",
    );
    expect(monitor.offers).toHaveLength(1);
  });

  test("H3: is none with one whose words are not known", async () => {
    const connect = () => Promise.reject(refusal("twelve"));
    expect(await withCommonVersion("monitor", connect).catch((error: unknown) => error)).toBeInstanceOf(
      MonitorProtocolError,
    );
  });

  test("does not hide another failure", async () => {
    const connect = () => Promise.reject(new Error("gone"));
    expect(await withCommonVersion("monitor", connect).catch((error: Error) => error.message)).toBe("gone");
  });

  test("goes at least two back", () => {
    expect(commonVersion({ oldest: spoken.oldest, newest: spoken.oldest })).toBe(spoken.oldest);
    expect(commonVersion({ oldest: spoken.newest, newest: 200 })).toBe(spoken.newest);
    expect(spoken.oldest).toBeLessThanOrEqual(Math.max(1, spoken.newest - 2));
  });
});
