import { describe, expect, test } from "bun:test";
import { fromSignal, toSignal } from "../../cri/spec/signal.ts";
import { Signal } from "../../gen/runtime/v1/api_pb.ts";
import { stopSignalNumber } from "./stop-signal.ts";

describe("stopSignalNumber()", () => {
  const images: readonly [string, number][] = [
    ["", 15],
    ["SIGTERM", 15],
    ["quit", 3],
    ["9", 9],
    ["64", 64],
    ["SIGRTMIN+3", 37],
    ["RTMIN", 34],
    ["RTMAX-1", 63],
  ];
  for (const [text, number] of images) {
    test(`reads an image's ${JSON.stringify(text)} as ${number}`, () => {
      expect(stopSignalNumber(toSignal(Signal.RUNTIME_DEFAULT), text)).toBe(number);
    });
  }

  for (const text of ["0", "65", "-1", "SIGNONE", "SIG", "RTMIN+31", "RTMAX+1", "15 ", "1e1", "__proto__", "RTMIN+"]) {
    test(`refuses an image's ${JSON.stringify(text)}`, () => {
      expect(() => stopSignalNumber(toSignal(Signal.RUNTIME_DEFAULT), text)).toThrow("does not exist");
    });
  }

  // The CRI renamed the enum's keys once: only the numbers of the wire are to be trusted.
  const wire: readonly [number, number][] = [
    [1, 6],
    [13, 9],
    [23, 15],
    [34, 25],
    [35, 34],
    [50, 49],
    [51, 50],
    [65, 64],
  ];
  for (const [value, number] of wire) {
    test(`reads the CRI's ${value} as signal ${number}, over the image's`, () => {
      expect(stopSignalNumber(toSignal(value as Signal), "SIGUSR1")).toBe(number);
    });
  }

  test("refuses a CRI signal from the future", () => {
    expect(() => stopSignalNumber(toSignal(66 as Signal), "")).toThrow("stop signal 66");
  });
});

test("fromSignal() is the inverse for every number the enum has", () => {
  for (let value = 1; value <= 65; value++) {
    const number = stopSignalNumber(toSignal(value as Signal), "");
    expect(stopSignalNumber(toSignal(fromSignal(number)), "")).toBe(number);
  }
  expect(fromSignal(33)).toBe(Signal.RUNTIME_DEFAULT);
});
