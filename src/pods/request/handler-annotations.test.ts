import { expect, test } from "bun:test";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { withHandlerAnnotations } from "./handler-annotations.ts";

const { spec } = fakeContainer(fakeSandbox());
const asked = {
  pod: { "dev.gvisor.net": "a", "devXgvisor.net": "b", other: "c", "io.kubernetes.cri.sandbox-id": "forged" },
  container: { "dev.gvisor.net": "container's", mine: "d" },
};

const cases: [pod: string[], container: string[], added: Record<string, string>][] = [
  [[], [], {}],
  [["dev.gvisor.*"], [], { "dev.gvisor.net": "a" }],
  [["dev.*"], ["dev.*"], { "dev.gvisor.net": "container's" }],
  [["other"], ["m*e"], { other: "c", mine: "d" }],
  [["o+", "[a-z]*"], [], {}],
];
test.each(cases)("a handler with %j and %j lets %j through", (podAnnotations, containerAnnotations, added) => {
  const { annotations } = withHandlerAnnotations(spec, { podAnnotations, containerAnnotations }, asked);
  expect(annotations).toEqual({ ...spec.annotations, ...added });
});

test("an annotation of crib's own is never replaced", () => {
  const own = { ...spec, annotations: { "io.kubernetes.cri.sandbox-id": "true" } };
  const handler = { podAnnotations: ["*"], containerAnnotations: [] };
  expect(withHandlerAnnotations(own, handler, asked).annotations["io.kubernetes.cri.sandbox-id"]).toBe("true");
});
