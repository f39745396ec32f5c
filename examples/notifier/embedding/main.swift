// Our loop inside somebody else's: here a plain poll(2) loop, as a program with a loop of its own
// would have one. All the host needs is a descriptor, a time and a function.

import Glibc
import Notifier

let loop = try EventLoop()
var ticks = 0
loop.addTimer(every: .milliseconds(50)) {
    ticks += 1
    print("tick \(ticks)")
    return ticks < 3 ? .keep : .stop
}
var isDone = false
var events = ChildEvents()
events.onLine = { _, bytes in print("child:", String(decoding: bytes, as: UTF8.self)) }
events.onExit = { exit in
    print("the child \(exit)")
    isDone = true
}
let command = ChildCommand(["sh", "-c", "sleep 0.3; echo hello"], input: .null)
_ = try Child.spawn(command, on: loop, events)

// The host's loop. It would have other descriptors in here as well.
var descriptors = [pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)]
while !isDone {
    // Until a descriptor is ready or the next timer is due, whichever comes first.
    poll(&descriptors, nfds_t(descriptors.count), loop.pollMilliseconds)
    loop.runReady()
}
