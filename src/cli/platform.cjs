#!/usr/bin/env node
// The `platform` command: registers the TypeScript loader, then hands over to main.ts.
"use strict";
require("tsx/cjs");
const { main } = require("./main.ts");

void main(process.argv);
