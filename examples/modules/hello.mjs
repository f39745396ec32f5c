#!/usr/bin/env node
// hello: a Signalbox module in Node, with one command and one signal.

import { command, emit, Fault, run } from "./signalbox-module.mjs";

const about = {
    summary: "Greets somebody, and tells everybody that it did.",
    params: { name: { type: "string", default: "world" } },
};

command("hello", about, ({ name = "world" }) => {
    if (name === "") throw new Fault("nobody has no name", { status: 422 });
    emit("hello.greeted", { name });
    return { hello: name };
});

run({ title: "hello" });
