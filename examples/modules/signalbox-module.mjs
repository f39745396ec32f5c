// What a Signalbox module in Node needs. Copy this file beside your module; it uses Node's own
// modules alone (Node 18 or later).
//
//     import { command, emit, run } from "./signalbox-module.mjs";
//
//     command("hello", { summary: "Greets somebody." }, ({ name = "world" }) => {
//         emit("hello.greeted", { name });
//         return { hello: name };
//     });
//
//     run();
//
// A command is a function, async or not: it takes the params object, what it returns is the answer,
// and a `Fault` it throws is what the caller sees. Its second argument is `{ signal, progress }`: an
// AbortSignal that fires when the caller has gone, and a function that tells whoever watches the call
// how it is getting on. console.log goes to the gateway's log.

import { createInterface } from "node:readline";

const commands = new Map();
const pending = new Map(); // request id → AbortController

/** An error for the caller: a message, and the HTTP status that it stands for (400 to 599). */
export class Fault extends Error {
    constructor(message, { status = 500, code = -32000 } = {}) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

/**
 * Offers a command. `about` may hold `summary`, `safe` (it only looks: GET will do) and
 * `params`: name → JSON Schema, where `required: true` beside a schema's keywords demands it.
 */
export function command(name, about, action) {
    commands.set(name, { about, action });
}

/** Emits a signal. */
export function emit(name, data = null) {
    write({ method: "signal", params: { name, data } });
}

/** Writes a line to the gateway's log: level debug, info, warning or error. */
export function log(message, level = "info") {
    write({ method: "log", params: { level, message } });
}

/** Answers calls until the gateway closes standard input. */
export async function run({ title = "module", version = "1.0.0" } = {}) {
    console.log = console.info = console.error; // standard output belongs to the protocol
    // A gateway that went away needs no more answers.
    process.stdout.on("error", () => process.exit(0));
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        let message;
        try {
            message = JSON.parse(line);
        } catch {
            message = undefined;
        }
        if (typeof message?.method !== "string") {
            write({ id: null, error: { code: -32600, message: "not a request" } });
        } else if (message.method === "$/cancelRequest") {
            pending.get(message.params?.id)?.abort();
        } else if (message.method === "rpc.discover") {
            write({ id: message.id ?? null, result: discover(title, version) });
        } else if (message.id !== undefined) {
            answer(message); // not awaited: a slow command keeps nobody waiting
        }
    }
    // Standard input has ended. Timers and sockets of the module must not keep it alive, but a
    // call that is still at work may finish: the gateway sets the limit.
    await Promise.all([...pending.values()].map((controller) => controller.done));
    process.exit(0);
}

async function answer({ id, method, params = {} }) {
    const controller = new AbortController();
    pending.set(id, controller);
    controller.done = call(id, method, params, controller.signal).then(
        (result) => write({ id, result: result ?? null }),
        (error) => write({ id, error: describe(method, error) }),
    );
    await controller.done;
    pending.delete(id);
}

async function call(id, method, params, signal) {
    const found = commands.get(method);
    if (!found) throw new Fault(`no command "${method}"`, { status: 404, code: -32601 });
    if (params === null || typeof params !== "object" || Array.isArray(params)) {
        throw new Fault("params must be an object", { status: 422, code: -32602 });
    }
    const progress = (value) => write({ method: "progress", params: { id, value: value ?? null } });
    return found.action(params, { signal, progress });
}

function describe(method, error) {
    if (error instanceof Fault) {
        return { code: error.code, message: error.message, data: { status: error.status } };
    }
    console.error(`${method}:`, error);
    return { code: -32603, message: "the command failed" };
}

function write(message) {
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
}

function discover(title, version) {
    const methods = [...commands].map(([name, { about }]) => ({
        name,
        summary: about.summary ?? name,
        paramStructure: "by-name",
        params: Object.entries(about.params ?? {}).map(([param, { required, ...schema }]) => ({
            name: param,
            required: required === true,
            schema,
        })),
        result: { name: "result", schema: {} },
        "x-safe": about.safe === true,
    }));
    return { openrpc: "1.3.2", info: { title, version }, methods };
}
