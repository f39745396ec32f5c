// A periodic timer and one that fires once.
//
// A loop does nothing by itself: you tell it what to wait for, then `run` it. Everything you
// registered is called on the thread that runs the loop, one call at a time, so there is nothing to
// lock.

import Notifier

let loop = try EventLoop()
var ticks = 0

// The grid is fixed: tick n comes n × 100 ms after now, however long the closure takes.
loop.addTimer(every: .milliseconds(100)) {
    ticks += 1
    print("tick \(ticks)")
    if ticks < 5 { return .keep }
    loop.stop()
    return .stop
}

loop.addTimer(after: .milliseconds(250)) { print("once") }

// A token names a timer, here to cancel it before it fires.
let never = loop.addTimer(after: .milliseconds(50)) { print("never printed") }
loop.removeTimer(never)

loop.run()
print("done")
