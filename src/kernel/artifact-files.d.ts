// What `import … with { type: "file" }` gives: a path, on disk under `bun`, inside the executable once compiled.
declare module "*/libcrib.so" {
  const path: string;
  export default path;
}
declare module "*/crib-layer" {
  const path: string;
  export default path;
}
declare module "*/crib-monitor" {
  const path: string;
  export default path;
}
declare module "*/crib-look" {
  const path: string;
  export default path;
}
declare module "*/build/hello" {
  const path: string;
  export default path;
}
