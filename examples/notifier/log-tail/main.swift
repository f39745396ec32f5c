// Follows a file as `tail -f` does: prints what is appended to it.
//
//     example-log-tail FILE
//
// The kernel says nothing when a regular file grows (it is always "readable"), so a timer looks.

import Glibc
import Notifier

guard let path = CommandLine.arguments.dropFirst().first else {
    print("usage: example-log-tail FILE")
    exit(2)
}
let number = open(path, O_RDONLY | O_CLOEXEC)
guard number >= 0 else { throw SystemError("open", subject: path) }
let file = Descriptor(owning: number)
lseek(file.number, 0, SEEK_END)

// Signals that should reach the loop are blocked first thing in the program.
ProcessSignals.block([.interrupt, .terminate])
let loop = try EventLoop()
var rest: [UInt8] = []

/// Prints the lines that have become complete.
@MainActor func look() {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    var count = read(file.number, &buffer, buffer.count)
    while count > 0 {
        rest += buffer.prefix(count)
        count = read(file.number, &buffer, buffer.count)
    }
    // A file that became shorter was begun anew.
    var facts = stat()
    if fstat(file.number, &facts) == 0, lseek(file.number, 0, SEEK_CUR) > facts.st_size {
        lseek(file.number, 0, SEEK_SET)
    }
    guard let end = rest.lastIndex(of: 10) else { return }
    print(String(decoding: rest[...end], as: UTF8.self), terminator: "")
    fflush(nil)
    rest.removeSubrange(...end)
}

loop.addTimer(every: .milliseconds(100)) {
    look()
    return .keep
}
_ = try ProcessSignals([.interrupt, .terminate], on: loop) { _ in loop.stop() }
print("following \(path)")
fflush(nil)
loop.run()
