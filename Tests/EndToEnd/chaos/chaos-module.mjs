// A module for chaos.py in Node: answers late and out of order, hangs, answers what was called off,
// closes its output, crashes.

import { closeSync, writeSync } from "node:fs";

let rest = "";

function write(message) {
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
}

function take({ id, method, params }) {
    if (method === "$/cancelRequest") {
        // The answer to a call that nobody waits for any more.
        write({ id: params.id, result: "too late" });
    } else if (id === undefined || method === "hang") {
        return;
    } else if (method === "late") {
        setTimeout(() => write({ id, result: params }), Math.random() * 30);
    } else if (method === "crash") {
        process.kill(process.pid, Math.random() < 0.5 ? "SIGKILL" : "SIGABRT");
    } else if (method === "throw") {
        writeSync(2, "about to fall\n");
        throw new Error("told to");
    } else if (method === "close") {
        closeSync(1);
        setInterval(() => {}, 1000);
    } else {
        write({ id, result: params });
    }
}

process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    lines.reverse();  // out of order
    for (const line of lines) take(JSON.parse(line));
});
