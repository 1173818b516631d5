#!/usr/bin/env node
// The `platform` command: registers the TypeScript loader, then hands over to main.ts.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./main.ts");
await main(process.argv);
