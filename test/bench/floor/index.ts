import * as random from "@pulumi/random";

// As many resources as the bench asks for, with nothing in them.
for (let index = 0; index < Number(process.env["BENCH_COUNT"]); index++) new random.RandomBytes(`trivial-${index}`, { length: 1 });
