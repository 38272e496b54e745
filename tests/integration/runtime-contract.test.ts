import { describeCommands, describeSandboxRuntime } from "../../src/runtime/contract/sandbox-runtime-contract.ts";
import { openRuntimeBed } from "../harness/runtime-bed.ts";

describeSandboxRuntime("native", openRuntimeBed);
describeCommands("native", openRuntimeBed);
