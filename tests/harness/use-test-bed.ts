import { afterAll, afterEach, beforeAll, setDefaultTimeout } from "bun:test";
import { expectNoResidue, type HostSnapshot, hostSnapshot } from "./host-snapshot.ts";
import { removeAllPods } from "./remove-all-pods.ts";
import { TestBed, type TestBedOptions } from "./test-bed.ts";
import { timeFactor } from "./time-factor.ts";

const SETUP_LIMIT_MS = 120_000 * timeFactor();
const TEST_LIMIT_MS = 60_000 * timeFactor();

/** Registers set-up and tear-down in the calling file: pods go after each test, and the host must look as before. */
export function useTestBed(options: TestBedOptions = {}): TestBed {
  setDefaultTimeout(TEST_LIMIT_MS);
  const bed = new TestBed();
  let before: HostSnapshot | undefined;
  beforeAll(async () => {
    await bed.open(options);
    before = hostSnapshot(bed.engine);
  }, SETUP_LIMIT_MS);
  afterEach(async () => {
    // A test that failed while its daemon was down must not take the others along.
    if (!bed.engine.running) await bed.engine.start();
    await removeAllPods(bed.cri);
  }, SETUP_LIMIT_MS);
  afterAll(async () => {
    try {
      if (before !== undefined) await expectNoResidue(bed.engine, before);
    } finally {
      await bed.close();
    }
  }, SETUP_LIMIT_MS);
  return bed;
}
