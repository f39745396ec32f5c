// Runs one program and waits for it; starts another and ends it before it would end itself.

import Notifier

let loop = try EventLoop()

/// Runs a program to its end and returns how it ended and what it printed.
@MainActor func run(_ arguments: [String], limit: Duration) throws -> (ChildExit?, String) {
    var output: [UInt8] = []
    var events = ChildEvents()
    events.onBytes = { _, bytes in output += bytes }
    let command = ChildCommand(arguments, input: .null, output: .bytes, error: .inherit)
    let child = try Child.spawn(command, on: loop, events)
    // The loop goes on with everything else while we wait here.
    loop.run(until: { child.exit != nil }, limit: limit)
    return (child.exit, String(decoding: output, as: UTF8.self))
}

let (exit, output) = try run(["echo", "hello world"], limit: .seconds(10))
print(output, terminator: "")
print("echo:", exit.map { "\($0)" } ?? "still running")

// This one would take a minute. The table says: close its input, wait 100 ms for it to end; ask it
// with SIGTERM, wait a second; then SIGKILL. It goes to the whole process group.
let sleeper = try Child.spawn(ChildCommand(["sh", "-c", "sleep 60; echo late"]), on: loop)
sleeper.terminate(ChildTermination(grace: .milliseconds(100), killAfter: .seconds(1)))
loop.run(until: { sleeper.exit != nil }, limit: .seconds(10))
print("sleep:", sleeper.exit.map { "\($0)" } ?? "still running")

// A program that is not there is an error, and nothing is left behind.
do {
    _ = try run(["no-such-program"], limit: .seconds(10))
} catch {
    print(error)
}
print("children left:", loop.children.count)
