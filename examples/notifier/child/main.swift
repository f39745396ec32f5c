// A child process with all three streams: we write to its input, and hear its output line by line.

import Notifier

let loop = try EventLoop()

var events = ChildEvents()
events.onLine = { stream, bytes in
    print(stream == .output ? "out:" : "err:", String(decoding: bytes, as: UTF8.self))
}
// Called exactly once, after everything the child had written.
events.onExit = { exit in
    print("the child \(exit)")
    loop.stop()
}

// A child gets the environment you give it and nothing else.
let command = ChildCommand(
    ["sh", "-c", "sort; echo 'sorted' >&2; exit 3"], environment: [("LC_ALL", "C")])
let child = try Child.spawn(command, on: loop, events)

for word in ["pear", "apple", "quince"] {
    // Queued, and written when the child has room: a slow child never blocks the loop.
    child.input.append(word + "\n")
}
child.input.close()

loop.run()
