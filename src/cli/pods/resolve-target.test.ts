import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ContainerSchema, PodSandboxSchema } from "../../gen/runtime/v1/api_pb.ts";
import { chooseTarget } from "./resolve-target.ts";

const pod = (id: string, name: string, namespace = "default") =>
  create(PodSandboxSchema, { id, metadata: { name, namespace } });
const container = (id: string, name: string, podSandboxId: string) =>
  create(ContainerSchema, { id, podSandboxId, metadata: { name } });

const inventory = {
  pods: [pod("aa11", "web"), pod("bb22", "db"), pod("bb33", "db", "other")],
  containers: [
    container("aa99", "web", "aa11"),
    container("cc11", "main", "bb22"),
    container("cc22", "main", "bb33"),
    container("dd00", "bb22", "bb33"),
  ],
};

describe("chooseTarget()", () => {
  const found: readonly [text: string, first: "container" | "pod", id: string][] = [
    ["aa1", "container", "aa11"],
    ["aa9", "pod", "aa99"],
    ["web", "container", "aa99"],
    ["web", "pod", "aa11"],
    ["default/db", "container", "bb22"],
    ["web/web", "pod", "aa99"],
    ["bb22", "container", "bb22"],
  ];
  test.each(found)("%s, %s first, is %s", (text, first, id) => {
    const kinds = first === "container" ? (["container", "pod"] as const) : (["pod", "container"] as const);
    expect(chooseTarget(inventory, text, kinds).id).toBe(id);
  });

  test("refuses what fits several things and lists them", () => {
    expect(() => chooseTarget(inventory, "bb", ["pod"])).toThrow('"bb" fits pod bb22, pod bb33');
    expect(() => chooseTarget(inventory, "main", ["container"])).toThrow("give more of the id");
    expect(() => chooseTarget(inventory, "a", ["container", "pod"])).toThrow("container aa99, pod aa11");
  });

  test("says what was not found", () => {
    expect(() => chooseTarget(inventory, "zz", ["pod"])).toThrow('pod "zz" not found');
    expect(() => chooseTarget(inventory, "", ["pod"])).toThrow("empty name");
  });
});
